"""The revision in docs/upgrade.md that retires a label of an enum, run as it is printed there."""

import ast
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from lmsschema.database import catalog
from lmsschema.database.connection import Database
from lmsschema.ddl.checks import Checks
from lmsschema.errors import UnsafeError
from lmsschema.lint import scripts
from lmsschema.locks.context import Context
from lmsschema.migration import revisions, runner
from lmsschema.migration import upgrade as migration_upgrade
from tests.ddl.test_locks import ACCESS, QUIET, recorded
from tests.support import upgrading

Open = Callable[..., Database]

PAGE = Path(__file__).parents[2] / "docs" / "upgrade.md"

STEP = Checks("users", {"users_role_not_observer_check": "role <> 'observer'"})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Alembic's, for a copy of the revisions up to 0005 that the page's own is added to."""
    blocks = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [text] = [one for one in blocks if "Revision ID" in one]
    migrations = shutil.copytree(revisions.folder(), tmp_path / "migrations")
    for file in (migrations / "versions").glob("[0-9]*.py"):
        if file.stem > "0005_consistency":
            file.unlink()
    (migrations / "versions" / "0006_retire_observer.py").write_text(text)
    assert "Revises: 0005_consistency" in (ast.get_docstring(ast.parse(text)) or "")
    made = runner.config()
    made.set_main_option("script_location", str(migrations).replace("%", "%%"))
    return made


@pytest.fixture
def database(database_url: str, opened: Open) -> Database:
    """With rows in all tables, at the revision before."""
    found = opened(database_url)
    migration_upgrade.upgrade(found, "0005_consistency")
    found.conn.execute(upgrading.FILL)
    return found


def upgrade(database: Database, config: Config) -> None:
    with runner.connection(database) as lent:
        config.attributes["connection"] = lent
        command.upgrade(config, "head")


def downgrade(database: Database, config: Config) -> None:
    with runner.connection(database) as lent:
        config.attributes["connection"] = lent
        command.downgrade(config, "-1")


def change_role(database: Database, role: str) -> None:
    database.conn.execute("UPDATE users SET role = %s WHERE username = 'u1'", [role])


def test_rows_that_have_the_label_are_named_and_nothing_is_changed(
    database: Database, config: Config
) -> None:
    change_role(database, "observer")
    before = catalog.read(database.conn, database.schema)
    with pytest.raises(UnsafeError, match="users_role_not_observer_check: 1 row of users"):
        upgrade(database, config)
    assert catalog.read(database.conn, database.schema) == before
    assert upgrading.current(database) == "0005_consistency"


def test_the_label_is_forbidden_and_renamed_under_the_locks_that_the_page_says(
    database: Database, config: Config, database_url: str
) -> None:
    before = catalog.read(database.conn, database.schema)
    with recorded(database, database_url) as held:
        upgrade(database, config)
    assert held == {("users", ACCESS), ("users", QUIET)}
    assert upgrading.current(database) == "0006_retire_observer"
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="for enum user_role"):
        change_role(database, "observer")
    with pytest.raises(psycopg.errors.CheckViolation, match="users_role_not_observer_check"):
        change_role(database, "retired_observer")
    change_role(database, "ta")
    [(check,)] = database.conn.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'users_role_not_observer_check' AND convalidated"
    )
    assert check == "CHECK ((role <> 'retired_observer'::user_role))"

    with recorded(database, database_url) as held:
        downgrade(database, config)
    assert {lock for lock in held if lock[0] != "lmsschema_version"} == {("users", ACCESS)}
    assert catalog.read(database.conn, database.schema) == before


def test_a_run_that_ended_before_the_rename_is_gone_on_with(
    database: Database, config: Config
) -> None:
    STEP.apply(Context(database))
    with pytest.raises(psycopg.errors.CheckViolation, match="users_role_not_observer_check"):
        change_role(database, "observer")
    upgrade(database, config)
    assert upgrading.current(database) == "0006_retire_observer"
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="for enum user_role"):
        change_role(database, "observer")


def test_as_a_script_it_passes_the_linters(tmp_path: Path, config: Config) -> None:
    config.output_buffer = io.StringIO()
    command.upgrade(config, "0005_consistency:head", sql=True)
    script = tmp_path / "script.sql"
    script.write_text(config.output_buffer.getvalue())
    assert "RENAME VALUE 'observer' TO 'retired_observer'" in script.read_text()
    assert scripts.run([script])[1] == []
