"""Each example of docs/ci.md, run step by step with the built wheel and a suite of somebody else's.

What a CI system does itself is done for it: the checkout is a folder with a suite, the service
container is the run's server under the same variables, its Python has the wheel already.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg import conninfo

from lmsschema.testing.databases import url
from lmsschema.testing.servers import RunningServer
from tests.packaging.environments import ROOT, run

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
SUITE = """
import psycopg, pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_database_of_its_own(lms_database_url, number):
    with psycopg.connect(lms_database_url) as connection:
        connection.execute("INSERT INTO institutions (name, domain, education_level)"
                           " VALUES ('A', 'a.example', 'k12')")
"""

Job = Callable[..., str]


def blocks(heading: str, language: str) -> list[str]:
    """Return the code blocks of a language under a heading of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def example(heading: str) -> Any:  # noqa: ANN401  what YAML holds
    (text,) = blocks(heading, "yaml")
    return yaml.safe_load(text)


@pytest.fixture
def job(
    programs: Path, wheel: Path, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Job]:
    """Runs the steps of a job: ``job(steps, variables)``; returns what they printed."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "test_theirs.py").write_text(SUITE)
    always = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(wheel.parent),
        "LMSSCHEMA_HOME": str(elsewhere / "ci-home"),
    }

    def run_steps(steps: list[str], variables: dict[str, str]) -> str:
        return "".join(
            run("bash", "-ec", step, cwd=checkout, **always | variables) for step in steps
        )

    yield run_steps
    run(programs / "lmsschema", "local", "destroy", "--yes", cwd=checkout, **always)


@pytest.fixture
def service(lms_server: RunningServer) -> Iterator[Callable[[dict[str, str]], dict[str, str]]]:
    """Puts the run's server in the place of the service container in an example's variables."""

    def put(variables: dict[str, str]) -> dict[str, str]:
        return {
            name: url(lms_server.url, str(conninfo.conninfo_to_dict(value)["dbname"]))
            for name, value in variables.items()
            if name.startswith("LMSSCHEMA_")
        }

    yield put
    with psycopg.connect(lms_server.url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS lms_ci WITH (FORCE)")


def test_github_actions(job: Job, service: Callable[[dict[str, str]], dict[str, str]]) -> None:
    database = example("GitHub Actions")["jobs"]["database"]
    steps = [step["run"] for step in database["steps"] if "run" in step]
    assert len(steps) == 4
    assert "3 passed" in job(steps, service(database["env"]))


def test_gitlab_ci(job: Job, service: Callable[[dict[str, str]], dict[str, str]]) -> None:
    database = example("GitLab CI")["database"]
    assert len(database["script"]) == 4
    assert "3 passed" in job(database["script"], service(database["variables"]))


def test_plain_shell(job: Job) -> None:
    (script,) = blocks("Plain shell, without a server", "bash")
    assert "3 passed" in job([script], {})


def test_check_in_a_pipeline(programs: Path, elsewhere: Path, lms_database_url: str) -> None:
    (script,) = blocks("`lmsschema check` in a pipeline", "bash")
    # the script ends with the code of check; it is printed so that a run that ends well has it
    shown = ["bash", "-c", f'( {script} ); echo "exit $?"']
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def check(where: str) -> str:
        return run(*shown, cwd=elsewhere, PATH=path, LMSSCHEMA_DATABASE_URL=where)

    equal = check(lms_database_url)
    assert "the database equals the declared schema" in equal
    assert equal.endswith("exit 0\n")
    with psycopg.connect(lms_database_url) as conn:
        conn.execute("DROP INDEX idx_users_role")
    drift = check(lms_database_url)
    assert "idx_users_role" in drift
    assert drift.endswith("exit 3\n")
    assert check("host=/nonexistent").endswith("exit 4\n")
