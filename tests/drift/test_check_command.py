"""`lmsschema check` as a DBA and a CI job run it."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.local_server.server import Server
from lmsschema.migration import revisions
from tests.database.test_refusing_servers import (
    folder,  # noqa: F401  fixtures: a server and its standby
    primary,  # noqa: F401  as above
    standby,  # noqa: F401  as above
)
from tests.support.databases import Psql
from tests.support.program import Program, clean_environment


def execute(url: str, statements: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(statements.encode())


@pytest.fixture
def drifted_url(upgraded_url: str) -> str:
    """A database with drift on two tables, something unmanaged, something that can't be undone."""
    execute(
        upgraded_url,
        """
        ALTER TABLE users ALTER COLUMN last_active_at TYPE timestamp;
        ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT;
        DROP INDEX idx_courses_search;
        CREATE TABLE "backup
        of users" (a integer);
        GRANT SELECT ON users TO pg_monitor;
        """,
    )
    return upgraded_url


@pytest.mark.smoke
def test_equal(lmsschema: Program, upgraded_url: str) -> None:
    outcome = lmsschema("check", "--url", upgraded_url)
    assert outcome.code == 0
    assert outcome.out == f"compared with revision {revisions.head()}: no differences\n"
    assert lmsschema("check", "--strict", "--url", upgraded_url).code == 0


@pytest.mark.smoke
def test_report_for_a_person(lmsschema: Program, drifted_url: str) -> None:
    outcome = lmsschema("check", "--url", drifted_url)
    assert outcome.code == 3
    assert outcome.out.splitlines() == [
        "courses",
        "  - index idx_courses_search is missing",
        "users",
        "  ~ column created_at: default: expected now(), found none",
        (
            "  ~ column last_active_at: type: expected timestamp with time zone, "
            "found timestamp without time zone"
        ),
        "not declared (no drift without --strict)",
        "  ? table backup\\n        of users",
        "  ? table users: grants SELECT to pg_monitor",
        f"compared with revision {revisions.head()}: 3 differences on 2 relations, 2 not declared",
    ]
    assert outcome.err.startswith("database: ")


def test_report_for_a_program(lmsschema: Program, drifted_url: str) -> None:
    outcome = lmsschema("check", "--json", "--sql", "--url", drifted_url)
    assert outcome.code == 3
    data = outcome.json
    assert (data["clean"], data["revision"], data["pending"]) == (False, revisions.head(), [])
    index, default, kind = data["drift"]
    assert (index["relation"], index["name"], index["problem"]) == (
        "courses",
        "idx_courses_search",
        "missing",
    )
    assert index["statements"][0]["lock"].startswith("SHARE UPDATE EXCLUSIVE")
    assert (default["attribute"], default["expected"], default["found"]) == (
        "default",
        "now()",
        None,
    )
    assert (kind["statements"], kind["not_undone"] is None) == ([], False)
    assert [one["kind"] for one in data["unmanaged"]] == ["table", "table"]


def test_the_fixes_are_a_script(lmsschema: Program, psql: Psql, drifted_url: str) -> None:
    script = lmsschema("check", "--sql", "--url", drifted_url)
    assert script.code == 3
    assert "-- not fixed: " in script.out
    psql(drifted_url, script=script.out)
    after = lmsschema("check", "--json", "--url", drifted_url)
    left = [(one["name"], one["attribute"]) for one in after.json["drift"]]
    assert left == [("last_active_at", "type")]


def test_names_cannot_break_out_of_the_script(
    lmsschema: Program, psql: Psql, upgraded_url: str
) -> None:
    execute(upgraded_url, 'CREATE INDEX "x\nDROP TABLE users; --" ON users (username, email)')
    script = lmsschema("check", "--sql", "--url", upgraded_url)
    psql(upgraded_url, script=script.out)
    assert lmsschema("check", "--url", upgraded_url).code == 0


def test_strict_and_ignore(lmsschema: Program, upgraded_url: str) -> None:
    execute(upgraded_url, "CREATE TABLE backup_users (a integer)")
    check = ("check", "--url", upgraded_url)
    assert lmsschema(*check).code == 0
    assert lmsschema(*check, "--strict").code == 3
    ignored = lmsschema(*check, "--strict", "--ignore", "backup_*")
    assert ignored.code == 0
    assert "1 ignored" in ignored.out


@pytest.mark.smoke
def test_pending(lmsschema: Program, database_url: str) -> None:
    nothing = lmsschema("check", "--url", database_url)
    assert nothing.code == 3
    assert nothing.out.splitlines() == [
        f"pending: {', '.join(revisions.ids())}",
        "none of the declared tables exists yet; to create them: lmsschema upgrade",
    ]
    assert lmsschema("upgrade", "0002", "--url", database_url).code == 0
    behind = lmsschema("check", "--url", database_url)
    assert behind.code == 3
    pending = revisions.ids()[2:]
    assert behind.out.splitlines() == [
        f"pending: {', '.join(pending)}",
        f"compared with revision 0002_progress: no differences, {len(pending)} revisions pending",
    ]


def test_newer_revision_than_the_program_knows(lmsschema: Program, upgraded_url: str) -> None:
    execute(upgraded_url, "UPDATE lmsschema_version SET version_num = '0099_future'")
    outcome = lmsschema("check", "--url", upgraded_url)
    assert outcome.code == 6
    assert "0099_future" in outcome.err


def test_unreachable(lmsschema: Program) -> None:
    assert lmsschema("check", "--url", "postgresql://ann@127.0.0.1:1/lms").code == 4


def test_shadow_that_is_no_url(lmsschema: Program, upgraded_url: str) -> None:
    assert lmsschema("check", "--shadow-url", "mysql://h/x", "--url", upgraded_url).code == 2


def test_shadow_that_is_not_reachable(lmsschema: Program, upgraded_url: str) -> None:
    shadow = "postgresql://ann@127.0.0.1:1/lms"
    assert lmsschema("check", "--shadow-url", shadow, "--url", upgraded_url).code == 4


def test_colour_on_a_terminal_alone(drifted_url: str, lmsschema: Program) -> None:
    assert "\x1b[" not in lmsschema("check", "--url", drifted_url).out
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "lmsschema", "check", "--url", drifted_url],
        env=clean_environment(),
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(controller, 4096):
                shown += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(controller)
    assert process.returncode == 3
    assert b"\x1b[31m-\x1b[0m index idx_courses_search" in shown


@pytest.fixture
def reader_url(upgraded_url: str) -> Iterator[str]:
    """The database as a role sees it that may read the catalogs, and the revision."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        name = f"reader_{conn.info.dbname}"
        role = sql.Identifier(name)
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
        conn.execute(sql.SQL("GRANT SELECT ON lmsschema_version TO {}").format(role))
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
        conn.execute(sql.SQL("DROP ROLE {}").format(role))


def test_role_without_rights_uses_the_embedded_server(
    lmsschema: Program,
    reader_url: str,
    folder: Path,  # noqa: F811  pytest's way to ask for the imported fixture
) -> None:
    env = {"LMSSCHEMA_HOME": str(folder / "embedded")}
    outcome = lmsschema("check", "--json", "--url", reader_url, env=env)
    assert outcome.code == 0, outcome.err
    assert "the declared schema is built on PostgreSQL 18, embedded server" in outcome.err
    assert json.loads(outcome.out)["built_on"].startswith("PostgreSQL 18")
    assert lmsschema("local", "destroy", "--yes", env=env).code == 0


def test_standby(
    lmsschema: Program,
    primary: Server,  # noqa: F811  pytest's way to ask for the imported fixture
    standby: Server,  # noqa: F811  as above
) -> None:
    url, copy = primary.conninfo("lms"), standby.conninfo("lms")
    assert lmsschema("upgrade", "--url", url).code == 0
    execute(url, "DROP INDEX IF EXISTS idx_users_role")
    with psycopg.connect(url) as conn:
        written = conn.execute("SELECT pg_current_wal_lsn()").fetchone()
    with psycopg.connect(copy, autocommit=True) as conn:
        caught_up = "SELECT pg_last_wal_replay_lsn() >= %s"
        while conn.execute(caught_up, written).fetchone() != (True,):
            time.sleep(0.05)
    outcome = lmsschema("check", "--url", copy, "--shadow-url", url)
    assert "the declared schema is built on PostgreSQL" in outcome.err
    assert outcome.code == 3
    assert "index idx_users_role is missing" in outcome.out
