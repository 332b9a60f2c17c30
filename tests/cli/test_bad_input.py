"""What users do wrong: a clear answer, the documented exit code, nothing changed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.support import relay
from tests.support.program import Program, clean_environment
from tests.support.relay import other, through

SECRET = "p4ssw0rd"


def objects(url: str) -> int:
    """How many relations and types users made in a database."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384)"
            " + (SELECT count(*) FROM pg_type WHERE oid >= 16384)"
            " + (SELECT count(*) FROM pg_namespace WHERE oid >= 16384)"
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def role(connection: psycopg.Connection, database_url: str) -> Iterator[str]:
    """The name of a login role without any right, whose password is SECRET."""
    name = f"reader_{connection.info.dbname}"
    identifier = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(identifier, SECRET))
    yield name
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
        conn.execute(sql.SQL("DROP ROLE {}").format(identifier))


@pytest.mark.parametrize("command", ["upgrade", "plan", "current", "downgrade base", "stamp head"])
def test_unreachable_server(lmsschema: Program, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"postgresql://ann:{SECRET}@127.0.0.1:{port}/lms"
    outcome = lmsschema(*command.split(), "--url", url)
    assert outcome.code == 4
    assert f"database: lms on 127.0.0.1:{port} as ann (from --url)" in outcome.err
    assert "refused" in outcome.err
    assert SECRET not in outcome.err + outcome.out


def test_no_such_host(lmsschema: Program) -> None:
    outcome = lmsschema("upgrade", "--url", f"postgresql://ann:{SECRET}@nowhere.invalid/lms")
    assert outcome.code == 4
    assert "nowhere.invalid" in outcome.err
    assert SECRET not in outcome.err


def test_a_connection_parameter_that_can_not_be_read(lmsschema: Program) -> None:
    outcome = lmsschema("current", "--url", f"postgresql://ann:{SECRET}@h/lms?connect_timeout=soon")
    assert outcome.code == 4
    assert "no connection to lms on h:5432 as ann" in outcome.err
    assert "connect_timeout: 'soon'" in outcome.err


def test_unknown_database(lmsschema: Program, database_url: str) -> None:
    outcome = lmsschema("upgrade", "--url", other(database_url, dbname="no_such_db"))
    assert outcome.code == 4
    assert '"no_such_db" does not exist' in outcome.err


def test_no_connect_right(
    lmsschema: Program, database_url: str, connection: psycopg.Connection, role: str
) -> None:
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    outcome = lmsschema("upgrade", "--url", other(database_url, user=role, password=SECRET))
    assert outcome.code == 4
    assert "permission denied for database" in outcome.err
    assert SECRET not in outcome.err


def test_read_only_database(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
            sql.Identifier(connection.info.dbname)
        )
    )
    before = objects(database_url)
    outcome = lmsschema("upgrade", "--url", database_url)
    assert outcome.code == 4
    assert "read-only database" in outcome.err
    assert objects(database_url) == before
    assert lmsschema("current", "--url", database_url).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["upgrade", "--url", "mysql://ann:p4ssw0rd@h/lms"],
        ["upgrade", "--url", "p4ssw0rd"],
        ["upgrade", "--url", "postgresql://ann:p4ss@w0rd@h/lms"],
        ["upgrade", "--schema", "pg_temp", "--url", "postgresql://h/lms"],
        ["no-such-command"],
        ["upgrade", "--no-such-option"],
        ["downgrade"],
        ["upgrade", "--wait", "soon"],
    ],
)
def test_wrong_usage(lmsschema: Program, arguments: list[str]) -> None:
    outcome = lmsschema(*arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("lmsschema: ")
    assert "hint: " in outcome.err
    assert "w0rd" not in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp", "plan"])
def test_unknown_revision(lmsschema: Program, database_url: str, command: str) -> None:
    before = objects(database_url)
    outcome = lmsschema(command, "0099_none", "--url", database_url)
    assert outcome.code == 2
    assert "0003_analytics" in outcome.err
    assert objects(database_url) == before


def relayed(url: str, replacements: dict[bytes, bytes]) -> contextlib.AbstractContextManager[int]:
    """A relay before the server of ``url``."""
    with psycopg.connect(url) as conn:
        address = relay.address_of(conn.info.host, conn.info.port)
    return relay.running(address, relay.Hooks(replacements))


@pytest.fixture
def reported_version(connection: psycopg.Connection) -> bytes:
    version = connection.info.parameter_status("server_version")
    assert version is not None
    return version.encode()


def test_server_that_is_too_old(
    lmsschema: Program, database_url: str, reported_version: bytes
) -> None:
    with relayed(database_url, {reported_version + b"\0": b"14.9\0"}) as port:
        outcome = lmsschema("upgrade", "--url", through(database_url, port))
    assert outcome.code == 4
    assert "PostgreSQL 14.9, older than 15" in outcome.err


def test_server_newer_than_tested(
    lmsschema: Program, database_url: str, reported_version: bytes
) -> None:
    with relayed(database_url, {reported_version + b"\0": b"19.1\0"}) as port:
        outcome = lmsschema("current", "--url", through(database_url, port))
    assert outcome.code == 0
    assert "warning: PostgreSQL 19 is newer" in outcome.err


def test_server_that_is_no_postgresql(lmsschema: Program, database_url: str) -> None:
    with relayed(database_url, {b"PostgreSQL ": b"SomethingX "}) as port:
        outcome = lmsschema("upgrade", "--url", through(database_url, port))
    assert outcome.code == 4
    assert "is not PostgreSQL (reports SomethingX" in outcome.err


def test_server_that_speaks_another_protocol(lmsschema: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1024)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"postgresql://127.0.0.1:{listener.getsockname()[1]}/lms?sslmode=disable"
        outcome = lmsschema("upgrade", "--url", url)
    assert outcome.code == 4


def test_sql_ascii_database(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    name = f"{connection.info.dbname}_ascii"
    connection.execute(
        sql.SQL(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII'"
            " LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc"
        ).format(sql.Identifier(name))
    )
    try:
        outcome = lmsschema("upgrade", "--url", other(database_url, dbname=name))
        assert outcome.code == 6
        assert "SQL_ASCII" in outcome.err
        assert "ENCODING 'UTF8'" in outcome.err
        assert objects(other(database_url, dbname=name, client_encoding="UTF8")) == 0
    finally:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("schema", [None, "campus North"])
def test_no_right_to_create(
    lmsschema: Program,
    database_url: str,
    connection: psycopg.Connection,
    role: str,
    schema: str | None,
) -> None:
    arguments = ["upgrade", "--url", other(database_url, user=role, password=SECRET)]
    arguments += ["--schema", schema] if schema else []
    refused = lmsschema(*arguments)
    assert refused.code == 4
    grant = refused.err.split("can run: ")[1].strip()
    connection.execute(grant.encode())
    assert lmsschema(*arguments).code == 0


def test_a_schema_that_the_role_may_not_use_does_not_seem_empty(
    lmsschema: Program, database_url: str, connection: psycopg.Connection, role: str
) -> None:
    schema = ("--schema", "Campus North")
    assert lmsschema("upgrade", "--url", database_url, *schema).code == 0
    name = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(name))
    url = other(database_url, user=role, password=SECRET)
    for command in (["current"], ["plan"], ["check"], ["partitions", "check"]):
        refused = lmsschema(*command, "--url", url, *schema)
        assert (refused.code, refused.out) == (4, ""), refused
        assert f'hint: GRANT USAGE ON SCHEMA "Campus North" TO "{role}";' in refused.err


def test_tables_of_somebody_else(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute("CREATE TABLE courses (id int); CREATE TYPE user_role AS ENUM ('cook')")
    before = objects(database_url)
    outcome = lmsschema("upgrade", "--url", database_url, "--json")
    assert outcome.code == 6
    assert outcome.json["error"]["found"] == ["table courses", "type user_role"]
    assert "lmsschema adopt" in outcome.err
    assert objects(database_url) == before


def test_revision_of_a_newer_program(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("UPDATE lmsschema_version SET version_num = '0999_future'")
    for command in (["upgrade"], ["current"], ["downgrade", "base"], ["plan"]):
        outcome = lmsschema(*command, "--url", upgraded_url)
        assert outcome.code == 6, outcome
        assert "0999_future" in outcome.err
        assert "newer lmsschema" in outcome.err


def test_statement_that_fails(
    lmsschema: Program, database_url: str, connection: psycopg.Connection
) -> None:
    assert lmsschema("upgrade", "0001", "--url", database_url).code == 0
    connection.execute("CREATE TYPE mastery_level AS ENUM ('none')")
    before = objects(database_url)
    outcome = lmsschema("upgrade", "--url", database_url, "--json")
    assert outcome.code == 1
    assert outcome.json["error"]["revision"] == "0002_progress"
    assert outcome.json["error"]["sqlstate"] == "42710"
    assert "CREATE TYPE mastery_level" in str(outcome.json["error"]["statement"])
    for shown in ("0002_progress", "42710", "CREATE TYPE mastery_level"):
        assert shown in outcome.err
    assert objects(database_url) == before
    assert (
        lmsschema("current", "--url", database_url, "--json").json["revision"] == "0001_foundation"
    )
    connection.execute("DROP TYPE mastery_level")
    assert lmsschema("upgrade", "--url", database_url).code == 0


def test_interrupt(lmsschema: Program, database_url: str, connection: psycopg.Connection) -> None:
    assert lmsschema("upgrade", "0001", "--url", database_url).code == 0
    before = objects(database_url)
    with connection.transaction():
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "lmsschema", "upgrade", "--url", database_url],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass"
        for _ in range(400):
            if connection.execute(waiting.encode()).fetchone() != (0,):
                break
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert objects(database_url) == before
    assert (
        lmsschema("current", "--url", database_url, "--json").json["revision"] == "0001_foundation"
    )


def test_password_with_every_reserved_character_stays_secret(lmsschema: Program) -> None:
    secret = "p@s/s:w?rd#%&"
    outcome = lmsschema("upgrade", "--url", f"postgresql://ann:{quote(secret, safe='')}@[::1]:1/x")
    assert outcome.code == 4
    assert secret not in outcome.err
    assert json.dumps(secret) not in outcome.err
