"""The program from an empty database to the guide's schema and back, as a DBA uses it."""

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import lmsschema as lmsschema_package
from lmsschema.migration import revisions
from tests.support.databases import Psql
from tests.support.program import Program, clean_environment

REVISIONS = revisions.ids()
HEAD = revisions.head()


def month_after(instant: dt.datetime, months: int) -> str:
    """The first day of the month so many months later."""
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    return f"{year:04d}-{month + 1:02d}-01"


@pytest.mark.smoke
def test_upgrade_of_an_empty_database(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    outcome = lmsschema("upgrade", "--url", database_url)
    assert outcome.code == 0
    for revision in REVISIONS:
        assert f"applied {revision} in " in outcome.err
    row = connection.execute("SELECT now() AT TIME ZONE 'UTC'").fetchone()
    assert row is not None
    until = month_after(row[0], 4)
    takes_rows = f"takes rows until {until} 00:00 UTC"
    assert outcome.out == (
        f"base -> {HEAD}; learning_events {takes_rows}; grade_changes {takes_rows}\n"
    )
    insert = (
        "INSERT INTO learning_events"
        " (event_type, event_category, event_action, session_id, event_timestamp)"
        " VALUES ('view', 'navigation', 'open', gen_random_uuid(), %s)"
        " RETURNING tableoid::regclass::text"
    )
    today = connection.execute(insert, (dt.datetime.now(dt.UTC),)).fetchone()
    stray = connection.execute(insert, ("2031-05-05",)).fetchone()
    assert today == (f"learning_events_{month_after(row[0], 0)[:7].replace('-', '_')}",)
    assert stray == ("learning_events_default",)

    again = lmsschema("upgrade", "--url", database_url)
    assert again.code == 0
    assert again.out.startswith(f"at {HEAD} already: nothing to do; ")
    assert "applied" not in again.err


def test_schemas_of_one_database_are_upgraded_independently(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    assert lmsschema("upgrade", "--url", database_url, "--schema", "Campus North").code == 0
    assert lmsschema("upgrade", "0001", "--url", database_url, "--schema", "south").code == 0
    north = lmsschema("current", "--url", database_url, "--schema", "Campus North", "--json").json
    south = lmsschema("current", "--url", database_url, "--schema", "south", "--json").json
    assert (north["revision"], north["pending"]) == (HEAD, [])
    assert (south["revision"], south["pending"]) == ("0001_foundation", REVISIONS[1:])
    elsewhere = connection.execute(
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON c.relnamespace = n.oid"
        " WHERE c.oid >= 16384 AND n.nspname NOT IN ('Campus North', 'south', 'pg_toast')"
    ).fetchone()
    assert elsewhere == (0,)
    assert lmsschema("downgrade", "base", "--url", database_url, "--schema", "south").code == 0
    assert lmsschema("current", "--url", database_url, "--schema", "Campus North").out == (
        f"{HEAD} (head)\n"
    )


def test_plan_is_what_upgrade_runs_and_changes_nothing(
    lmsschema: Program, psql: Psql, database_url: str, connection: psycopg.Connection
) -> None:
    plan = lmsschema("plan", "--url", database_url, "--schema", "campus")
    assert plan.code == 0
    assert connection.execute("SELECT to_regnamespace('campus')").fetchone() == (None,)
    assert psql(database_url, script=plan.out) == ""
    after = lmsschema("upgrade", "--url", database_url, "--schema", "campus", "--json").json
    assert after["applied"] == []
    assert [table["made"] for table in after["partitions"]] == [[], []]
    check = lmsschema("check", "--url", database_url, "--schema", "campus")
    assert check.code == 0, check.out
    nothing = lmsschema("plan", "--url", database_url, "--schema", "campus")
    assert nothing.out.strip() == ""
    assert "nothing to do" in nothing.err


@pytest.mark.smoke
def test_json_is_one_object(lmsschema: Program, database_url: str) -> None:
    steps = lmsschema("plan", "--url", database_url, "--json").json["steps"]
    assert [step["name"] for step in steps] == [
        *REVISIONS,
        "partitions of learning_events",
        "partitions of grade_changes",
    ]
    done = lmsschema("upgrade", "--url", database_url, "--json").json
    assert (done["from"], done["to"]) == (None, HEAD)
    assert [step["revision"] for step in done["applied"]] == REVISIONS
    assert all(step["seconds"] > 0 for step in done["applied"])
    assert len(done["partitions"][0]["made"]) == 5
    dt.datetime.fromisoformat(done["partitions"][0]["takes_rows_until"])
    assert len(lmsschema("history", "--json").json["revisions"]) == len(REVISIONS)
    assert lmsschema("ddl", "--json").json["revision"] == HEAD
    back = lmsschema("downgrade", "-1", "--url", database_url, "--json").json
    assert (back["from"], back["to"]) == (HEAD, REVISIONS[-2])
    stamped = lmsschema("stamp", "base", "--url", database_url, "--json").json
    assert (stamped["from"], stamped["to"]) == (REVISIONS[-2], None)


def test_revisions_can_be_named_in_part_or_counted(lmsschema: Program, database_url: str) -> None:
    def at(*arguments: str) -> object:
        assert lmsschema(*arguments, "--url", database_url).code == 0
        return lmsschema("current", "--url", database_url, "--json").json["revision"]

    assert at("upgrade", "+1") == "0001_foundation"
    assert at("upgrade", "0002") == "0002_progress"
    assert at("downgrade", "-1") == "0001_foundation"
    assert at("upgrade", "head") == HEAD
    assert at("downgrade", "base") is None
    beyond = lmsschema("downgrade", "-1", "--url", database_url)
    assert beyond.code == 2


def test_direction_must_fit_the_command(lmsschema: Program, upgraded_url: str) -> None:
    back = lmsschema("upgrade", "0001", "--url", upgraded_url)
    assert back.code == 2
    assert "lmsschema downgrade 0001" in back.err
    assert lmsschema("downgrade", "0002", "--url", upgraded_url).code == 0
    on = lmsschema("downgrade", "head", "--url", upgraded_url)
    assert on.code == 2
    assert "lmsschema upgrade head" in on.err


def test_downgrade_never_drops_rows_unasked(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12')"
        )
        refused = lmsschema("downgrade", "base", "--url", upgraded_url, "--json")
        assert refused.code == 6
        assert refused.json["error"]["tables"] == ["institutions"]
        assert "--lose-rows" in refused.err
        assert lmsschema("current", "--url", upgraded_url).out == f"{HEAD} (head)\n"
        assert conn.execute("SELECT count(*) FROM institutions").fetchone() == (1,)
        column = lmsschema("downgrade", "0001", "--url", upgraded_url, "--json")
        assert column.code == 6
        assert "hold rows: institutions.language" in column.err
        assert lmsschema("downgrade", "0006", "--url", upgraded_url, "--lose-rows").code == 0
        assert lmsschema("downgrade", "0001", "--url", upgraded_url).code == 0
        assert lmsschema("downgrade", "base", "--url", upgraded_url, "--lose-rows").code == 0
        assert conn.execute("SELECT to_regclass('institutions')").fetchone() == (None,)


def test_ddl_is_where_upgrade_goes_on_from(
    lmsschema: Program, psql: Psql, database_url: str
) -> None:
    script = lmsschema("ddl").out
    assert psql(database_url, script, "-1") == ""
    outcome = lmsschema("upgrade", "--url", database_url)
    assert outcome.out.startswith(f"at {HEAD} already: nothing to do; ")


@pytest.mark.parametrize("command", ["history", "current", "upgrade"])
def test_output_goes_where_it_belongs(lmsschema: Program, upgraded_url: str, command: str) -> None:
    arguments = [] if command == "history" else ["--url", upgraded_url]
    outcome = lmsschema(command, *arguments)
    assert outcome.out
    assert "database:" not in outcome.out
    assert outcome.err.count("database: ") == len(arguments) // 2
    json.loads(lmsschema(command, *arguments, "--json").out)


def test_revision_writes_the_next_file_of_the_line(tmp_path: Path) -> None:
    checkout = Path(lmsschema_package.__file__).parent.parent
    for part in ("lmsschema", "migrations"):
        shutil.copytree(checkout / part, tmp_path / part)
    for part in ("cli.py", "pyproject.toml"):
        shutil.copy(checkout / part, tmp_path)
    done = subprocess.run(
        [sys.executable, "cli.py", "revision", "-m", "Course search, in Spanish!", "--json"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    number = len(revisions.ids()) + 1
    assert made["revision"] == f"{number:04d}_course_search_in_spanish"
    text = Path(made["path"]).read_text()
    assert Path(made["path"]).parent == tmp_path / "migrations" / "versions"
    assert f'down_revision = "{revisions.head()}"' in text
    assert "lock_timeout" in text


def test_alembic_is_not_imported_where_nothing_is_to_be_run(upgraded_url: str) -> None:
    program = (
        "import sys; from lmsschema.__main__ import main; code = main(sys.argv[1:]);"
        "heavy = {'sqlalchemy', 'alembic'} & set(sys.modules);"
        "sys.exit(code or (repr(heavy) if heavy else 0))"
    )
    for command in (["upgrade"], ["current"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *command, "--url", upgraded_url],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
