"""A server whose files are no longer its own: new sessions can't load what triggers need."""

import psycopg
import pytest
from psycopg import errors

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Finding

#: In this database alone; a file of another version is refused in much the same way.
LIBRARY_GONE = "UPDATE pg_proc SET probin = '$libdir/plpgsql_gone' WHERE probin = '$libdir/plpgsql'"


def found(url: str) -> list[Finding]:
    database = connect(Target(url, "the test"))
    findings = examine.examine(database).findings
    database.conn.close()
    return [one for one in findings if one.topic == "restart-required"]


def test_it_is_said_that_the_server_has_to_be_restarted(upgraded_url: str) -> None:
    assert found(upgraded_url) == []
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(LIBRARY_GONE)
    with psycopg.connect(upgraded_url) as conn, pytest.raises(errors.UndefinedFile):
        conn.execute("DO 'BEGIN END'")
    [finding] = found(upgraded_url)
    assert finding.action_required
    assert "plpgsql_gone" in finding.message
    assert "restart it" in finding.message


def test_a_role_without_the_language_is_told_nothing_of_it(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute("DROP EXTENSION plpgsql CASCADE")
    assert found(upgraded_url) == []
