"""The role that the docs give to a monitor: its grant stays, and it is told what it lacks."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.cli._run import run
from tests.partition_manager.conftest import Partitions

DEFAULT, OTHER = "learning_events_default", "grade_changes_default"


@pytest.fixture
def monitor(conn: psycopg.Connection, upgraded_url: str) -> Iterator[str]:
    """A role with the two rights that docs/partitions.md names; its URL."""
    name = f"monitor_{conn.info.dbname.rsplit('test_', 1)[-1]}"
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    for table in (DEFAULT, OTHER):
        conn.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(table), role))
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    conn.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(role, role))


def test_its_grant_is_no_drift(partitions: Partitions, monitor: str, upgraded_url: str) -> None:
    assert partitions("check", url=monitor).code == 0
    assert run(["check", "--url", upgraded_url]) == 0
    assert partitions("ensure", "--repair", "--json").json["repaired"] == []
    assert partitions("check", url=monitor).code == 0


def test_with_row_security_the_remedy_is_the_one_that_helps(
    conn: psycopg.Connection, partitions: Partitions, monitor: str
) -> None:
    conn.execute(f"ALTER TABLE {DEFAULT} ENABLE ROW LEVEL SECURITY")
    refused = partitions("check", url=monitor)
    assert refused.code == 4
    [hint] = [line for line in refused.err.splitlines() if line.startswith("hint: ")]
    assert "BYPASSRLS" in hint
    conn.execute(hint.removeprefix("hint: ").encode())
    assert partitions("check", url=monitor).code == 0
