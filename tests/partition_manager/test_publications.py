"""Rows of the default are not moved where a publication would publish the copy.

What a subscriber is sent is in test_replication.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.mark.parametrize("what", ["FOR ALL TABLES", "FOR TABLES IN SCHEMA public"])
def test_a_published_copy_is_refused_before_rows_are_copied(
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


def test_late_rows_and_exports_are_not_copied_into_a_table_that_is_published(
    conn: psycopg.Connection, run: Run, tmp_path: Path
) -> None:
    month, name = f"{events.month(-30):%Y-%m}", events.name(-30)
    assert run(f"partitions create --from {month} --to {month}").code == 0
    assert run("partitions prune --keep 24m").code == 0
    events.insert(conn, events.month(-30))
    conn.execute("CREATE PUBLICATION events FOR ALL TABLES")
    refused = run(f"partitions restore {name}")
    assert refused.code == 6
    assert "publication events" in refused.err
    assert name not in events.partitions(conn)
    conn.execute("DROP PUBLICATION events")
    assert run(f"partitions restore {name}").code == 0

    drop = f"partitions prune --keep 24m --action drop --grace 0d --export {tmp_path}"
    assert [run(drop).code, run(drop).code] == [0, 0]
    conn.execute("CREATE PUBLICATION events FOR ALL TABLES")
    refused = run(f"partitions restore --from-export {tmp_path}/{name}.csv.gz")
    assert refused.code == 6
    assert f"{name} was not loaded: publication events" in refused.err
    conn.execute("DROP PUBLICATION events")
    assert run(f"partitions restore --from-export {tmp_path}/{name}.csv.gz").code == 0


def test_a_publication_of_another_role_is_refused_before_the_default_is_replaced(
    conn: psycopg.Connection, run: Run, owner: str, lmsschema: Program
) -> None:
    """Who owns the tables alone can't have it list the table that takes the default's place."""
    conn.execute("CREATE PUBLICATION events FOR TABLE learning_events_default")
    events.drop(conn, events.name(1))
    events.insert(conn, events.month(1), 3)
    before = events.partitions(conn)
    refused = lmsschema("partitions", "heal", "--url", owner)
    assert refused.code == 6
    assert "publication events lists it" in refused.err
    assert events.partitions(conn) == before
    assert run("partitions heal").code == 0
