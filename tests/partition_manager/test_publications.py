"""Rows of the default are not moved to where a publication would publish the copy."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support import events
from tests.support.program import Outcome, Program

Run = Callable[[str], Outcome]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def run(lmsschema: Program, upgraded_url: str) -> Run:
    return lambda command: lmsschema(*command.split(), "--url", upgraded_url)


@pytest.mark.parametrize(
    "what",
    ["FOR ALL TABLES", "FOR TABLES IN SCHEMA public", "FOR TABLE learning_events_default"],
)
def test_a_published_default_is_refused_before_rows_are_copied(
    what: str, conn: psycopg.Connection, run: Run
) -> None:
    conn.execute(f"CREATE PUBLICATION events {what}".encode())
    events.drop(conn, events.name(1), events.name(3))
    for offset in (1, 3):
        events.insert(conn, events.month(offset), 3000)
    before = events.partitions(conn)
    done = run("partitions heal")
    assert done.code == 6
    assert "publication events" in done.err
    assert events.partitions(conn) == before
    conn.execute("DROP PUBLICATION events")
    assert run("partitions heal").code == 0
