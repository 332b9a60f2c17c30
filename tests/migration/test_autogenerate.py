"""Alembic's own command in a checkout, through pyproject.toml, as a contributor uses it."""

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.migration import revisions
from lmsschema.migration.position import current

CHECKOUT = revisions.folder().parent

Alembic = Callable[..., subprocess.CompletedProcess[str]]
Open = Callable[..., Database]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, in which new revisions may be written."""
    for name in ("lmsschema", "migrations"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``alembic`` in a checkout, on the database of ``url``."""
    foreign = ("PG", "LMSSCHEMA_", "DATABASE_URL")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=folder,
        env=kept | {"LMSSCHEMA_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def alembic() -> Alembic:
    """Runs ``alembic`` in this checkout, in which it writes nothing."""
    return functools.partial(run, CHECKOUT)


@pytest.fixture
def in_a_copy(checkout: Path) -> Alembic:
    """Runs ``alembic`` in the checkout in which new revisions may be written."""
    return functools.partial(run, checkout)


def test_current_says_the_head(upgraded_url: str, alembic: Alembic) -> None:
    done = alembic(upgraded_url, "current")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{revisions.head()} (head)\n"


def test_check_finds_nothing_to_add_partitions_included(
    upgraded_url: str, alembic: Alembic
) -> None:
    with psycopg.connect(upgraded_url) as conn:
        [(partitions,)] = conn.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'learning_events'::regclass"
        ).fetchall()
        conn.execute("CREATE TABLE somebody_elses (id int)")
    assert partitions == 5
    done = alembic(upgraded_url, "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No new upgrade operations detected.\n"


def test_check_finds_every_change(upgraded_url: str, alembic: Alembic) -> None:
    changes = {  # and how each is reported
        "ALTER TABLE users ADD COLUMN shoe_size integer": r"'remove_column', .*'shoe_size'",
        "ALTER TABLE users ALTER COLUMN profile SET DEFAULT '[1]'": r"'modify_default',.*'profile'",
        "ALTER TABLE users ALTER COLUMN email TYPE varchar(320)": r"'modify_type', .*'email'",
        "COMMENT ON COLUMN users.role IS 'something else'": r"'modify_comment', .*'role'",
        "DROP INDEX idx_courses_search": r"'add_index', Index\('idx_courses_search'",
        "DROP TABLE learner_analytics": r"'add_table', Table\('learner_analytics'",
    }
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("; ".join(changes).encode())
    done = alembic(upgraded_url, "check")
    assert done.returncode != 0
    for change, reported in changes.items():
        assert re.search(reported, done.stdout), (change, done.stdout)


def test_autogenerate_writes_a_numbered_revision_that_does_nothing(
    upgraded_url: str, in_a_copy: Alembic, checkout: Path
) -> None:
    done = in_a_copy(upgraded_url, "revision", "--autogenerate", "-m", "Nothing new")
    assert done.returncode == 0, done.stderr
    name = revisions.next_id("Nothing new")
    written = checkout / "migrations" / "versions" / f"{name}.py"
    functions = {
        node.name: [ast.unparse(statement) for statement in node.body]
        for node in ast.parse(written.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert functions == {"upgrade": ["pass"], "downgrade": ["pass"]}
    assert in_a_copy(upgraded_url, "heads").stdout == f"{name} (head)\n"


def test_autogenerate_writes_what_the_tables_add(
    upgraded_url: str, in_a_copy: Alembic, checkout: Path
) -> None:
    tables = checkout / "lmsschema" / "tables" / "foundation.py"
    column = '    Column("last_active_at", Timestamp),\n'
    text = tables.read_text("utf-8")
    assert column in text
    tables.write_text(text.replace(column, f'{column}    Column("shoe_size", Integer),\n'))
    assert in_a_copy(upgraded_url, "revision", "--autogenerate", "-m", "shoes").returncode == 0
    upgraded = in_a_copy(upgraded_url, "upgrade", "head")
    assert upgraded.returncode == 0, upgraded.stderr
    assert in_a_copy(upgraded_url, "check").returncode == 0
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("SELECT shoe_size FROM users")
    assert in_a_copy(upgraded_url, "downgrade", "-1").returncode == 0
    with psycopg.connect(upgraded_url) as conn, pytest.raises(psycopg.errors.UndefinedColumn):
        conn.execute("SELECT shoe_size FROM users")


def test_a_new_revision_shows_the_locking_rules_and_passes_the_linter(
    upgraded_url: str, in_a_copy: Alembic, checkout: Path
) -> None:
    done = in_a_copy(upgraded_url, "revision", "--rev-id", "0099_empty", "-m", 'An "empty" one')
    assert done.returncode == 0, done.stderr
    written = checkout / "migrations" / "versions" / "0099_empty.py"
    assert "# - ALTER TABLE" in written.read_text("utf-8")
    assert written.read_text("utf-8").startswith('"""An \'empty\' one.\n')
    for arguments in (["check"], ["format", "--check"]):
        linted = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, written],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        assert linted.returncode == 0, linted.stdout


def test_upgrade_and_downgrade_in_a_schema_of_any_name(
    database_url: str, alembic: Alembic, opened: Open
) -> None:
    place = ("-x", "schema=Campus North")
    upgraded = alembic(database_url, *place, "upgrade", "head")
    assert upgraded.returncode == 0, upgraded.stderr
    assert alembic(database_url, *place, "check").returncode == 0
    assert alembic(database_url, *place, "current").stdout == f"{revisions.head()} (head)\n"
    assert alembic(database_url, "current").stdout == ""
    assert current(opened(database_url, "Campus North")) == revisions.head()
    assert alembic(database_url, *place, "downgrade", "base").returncode == 0
    assert current(opened(database_url, "Campus North")) is None


def test_x_url_goes_before_the_environment(
    upgraded_url: str, database_url: str, alembic: Alembic
) -> None:
    assert alembic(database_url, "current").stdout == ""
    done = alembic(database_url, "-x", f"url={upgraded_url}", "current")
    assert done.stdout == f"{revisions.head()} (head)\n"


def test_the_sql_of_a_schema_is_run_in_it(
    database_url: str, alembic: Alembic, opened: Open, psql: Callable[..., None]
) -> None:
    script = alembic(database_url, "-x", "schema=Campus North", "upgrade", "head", "--sql")
    assert script.returncode == 0, script.stderr
    psql(database_url, script.stdout)
    assert current(opened(database_url, "Campus North")) == revisions.head()
    assert alembic(database_url, "-x", "schema=Campus North", "check").returncode == 0


def test_a_database_that_is_not_there_is_no_traceback(alembic: Alembic, tmp_path: Path) -> None:
    done = alembic(f"host={tmp_path} dbname=lms password=secret", "current")
    assert done.returncode != 0
    assert "FAILED: no connection to lms" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_only_what_compares_imports_the_tables(upgraded_url: str) -> None:
    """An upgrade by ``alembic`` does not pay for them."""
    report = (
        "import sys; from alembic.config import main; main(sys.argv[1:]);"
        "print('lmsschema.tables' in sys.modules)"
    )

    def imported(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", report, "-x", f"url={upgraded_url}", *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[-1]

    assert imported("upgrade", "head") == "False"
    assert imported("check") == "True"
