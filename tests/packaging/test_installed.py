"""The installed wheel, used from a folder that is not the checkout."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmsschema import __version__
from lmsschema.migration import revisions
from tests.packaging.environments import ROOT, run

SUITE = """
import sqlalchemy

def test_a_database_at_head(lms_engine):
    with lms_engine.begin() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO institutions"
            " (name, domain, education_level) VALUES ('A', 'a.example', 'k12')"))

def test_another_one(lms_engine):
    with lms_engine.begin() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT count(*) FROM institutions")) == 0
"""


@pytest.fixture
def home(programs: Path, elsewhere: Path) -> Iterator[dict[str, str]]:
    """The variable that moves the embedded server into a folder of this test."""
    variables = {"LMSSCHEMA_HOME": str(elsewhere / "home")}
    yield variables
    run(programs / "lmsschema", "local", "destroy", "--yes", cwd=elsewhere, **variables)


def test_the_program_says_its_version(programs: Path, elsewhere: Path) -> None:
    assert run(programs / "lmsschema", "--version", cwd=elsewhere).split()[-1] == __version__


def test_upgrade_brings_the_embedded_server_to_head(
    programs: Path, elsewhere: Path, home: dict[str, str]
) -> None:
    program = programs / "lmsschema"
    done = json.loads(run(program, "upgrade", "--json", cwd=elsewhere, **home))
    assert done["to"] == revisions.head()
    again = json.loads(run(program, "upgrade", "--json", cwd=elsewhere, **home))
    assert (again["from"], again["applied"]) == (revisions.head(), [])


def test_the_pytest_plugin_gives_a_suite_of_somebody_elses_databases_at_head(
    programs: Path, elsewhere: Path
) -> None:
    suite = elsewhere / "suite"
    suite.mkdir()
    (suite / "test_theirs.py").write_text(SUITE)
    out = run(programs / "pytest", "-n", "2", "--lms-server", "embedded", cwd=suite)
    assert "2 passed" in out


def test_an_application_names_the_revisions_of_the_installed_package(
    programs: Path, elsewhere: Path
) -> None:
    application = elsewhere / "application"
    shutil.copytree(ROOT / "examples" / "alembic", application)
    heads = run(programs / "alembic", "heads", cwd=application)
    assert {line.split()[0] for line in heads.splitlines()} == {"bookmarks_0002", revisions.head()}
    out = run(programs / "pytest", "--lms-server", "embedded", cwd=application)
    assert "2 passed" in out
