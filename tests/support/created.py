"""What test_createdb_command and test_createdb_failures share."""

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.migration import revisions
from lmsschema.testing.databases import url
from lmsschema.testing.servers import RunningServer
from tests.support.program import clean_environment

Names = Callable[[], str]


def quoted(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted(name)))


def ours(admin: psycopg.Connection) -> list[str]:
    """Return the templates, and what else createdb makes under a name of its own."""
    return [
        name
        for (name,) in admin.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^lmsschema_(template|building|new)_'"
        )
    ]


def comment(admin: psycopg.Connection, name: str) -> str:
    row = admin.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    return str(row[0]) if row else ""


def at_head(lms_server: RunningServer, name: str, schema: str = "public") -> bool:
    """Say whether the database is at head and takes an event of today in a month's partition."""
    with psycopg.connect(url(lms_server.url, name)) as conn:
        conn.execute(sql.SQL("SET search_path TO {}").format(quoted(schema)))
        version = conn.execute("SELECT version_num FROM lmsschema_version").fetchall()
        home = conn.execute(
            "INSERT INTO learning_events (event_type, event_category, event_action, session_id)"
            " VALUES ('view', 'navigation', 'open', gen_random_uuid())"
            " RETURNING tableoid::regclass::text ~ '_\\d{4}_\\d\\d\"?$'"
        ).fetchone()
    return version == [(revisions.head(),)] and home == (True,)


PROGRAM = Path(sys.executable).with_name("lmsschema")


def half_way(
    server: RunningServer, name: str, admin: psycopg.Connection, stage: str, *options: str
) -> tuple["subprocess.Popen[bytes]", str]:
    """Start createdb; return it stopped while it works in a database that bears the stage's name.

    One that was faster than we could stop it is started again.
    """
    separator = "&" if "?" in server.url else "?"
    while True:
        where = f"{server.url}{separator}application_name={uuid.uuid4().hex}"
        process = subprocess.Popen(
            # not by -m: interrupted in code made from text, Python ends that by the signal itself
            [PROGRAM, "createdb", name, "--url", where, *options],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while at_work(admin, where[-32:], stage) is None:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        if interim := at_work(admin, where[-32:], stage):
            return process, interim
        process.kill()
        process.wait()
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def at_work(admin: psycopg.Connection, application: str, stage: str) -> str | None:
    """Return the database that bears the stage's name and has a session of the application."""
    found = admin.execute(
        "SELECT datname FROM pg_stat_activity WHERE application_name = %s"
        " AND starts_with(datname, %s)",
        [application, f"lmsschema_{stage}_"],
    ).fetchone()
    return None if found is None else str(found[0])


def as_user(server: RunningServer, role: str) -> str:
    parameters = psycopg.conninfo.conninfo_to_dict(server.url)
    return psycopg.conninfo.make_conninfo(
        **parameters | {"user": role, "password": "p@ss"}  # type: ignore[arg-type]  # all are texts
    )
