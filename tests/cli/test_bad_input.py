"""What users do wrong: a clear answer, the documented exit code, nothing changed."""

import socket

import psycopg
import pytest
from psycopg import sql

from tests.support.bad_input import SECRET, objects
from tests.support.program import Program
from tests.support.relay import other


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
