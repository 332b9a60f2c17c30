"""One refusal stops nothing else: every month is handled by itself, and the rest is named."""

import psycopg
import pytest
from psycopg import sql

from tests.partition_manager.conftest import Partitions
from tests.support import events

PRUNE = ("prune", "--keep", "24m")
OLD = [events.name(offset) for offset in (-34, -33, -32, -31, -30)]


@pytest.fixture
def old(conn: psycopg.Connection, partitions: Partitions) -> None:
    """Five months that are expired, with a row each."""
    first, last = (f"{events.month(n):%Y-%m}" for n in (-34, -30))
    assert partitions("create", "--from", first, "--to", last).code == 0
    for offset in range(-34, -29):
        events.insert(conn, events.month(offset))


@pytest.mark.usefixtures("old")
def test_rows_that_a_foreign_key_refers_to_keep_their_month_alone(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    conn.execute(
        "CREATE TABLE notes (event uuid, at timestamptz,"
        " FOREIGN KEY (event, at) REFERENCES learning_events (id, event_timestamp));"
    )
    conn.execute(
        sql.SQL("INSERT INTO notes SELECT id, event_timestamp FROM {}").format(
            sql.Identifier(OLD[0])
        )
    )
    pruned = partitions(*PRUNE, "--json")
    assert pruned.code == 6
    error = pruned.json["error"]
    assert error["detached"] == OLD[1:4]
    assert error["message"] == (
        f"{OLD[0]} was not detached: 1 rows of notes (notes_event_at_fkey) refer to its rows"
    )
    [query] = error["queries"]
    assert len(conn.execute(query).fetchall()) == 1
    assert set(OLD[1:4]).isdisjoint(events.partitions(conn))
    conn.execute(query.replace("SELECT *", "DELETE", 1).encode())
    assert partitions(*PRUNE).code == 0
    assert set(OLD).isdisjoint(events.partitions(conn))


@pytest.mark.usefixtures("old")
def test_a_month_in_another_schema(conn: psycopg.Connection, partitions: Partitions) -> None:
    conn.execute("CREATE SCHEMA archive")
    conn.execute(sql.SQL("ALTER TABLE {} SET SCHEMA archive").format(sql.Identifier(OLD[0])))
    pruned = partitions(*PRUNE)
    assert pruned.code == 6
    assert "lies in schema archive" in pruned.err
    assert set(OLD[1:4]).isdisjoint(events.partitions(conn))
    [hint] = [line for line in pruned.err.splitlines() if line.startswith("hint: ")]
    conn.execute(hint.removeprefix("hint: ").partition(";")[0].encode())
    assert partitions(*PRUNE).code == 0
    assert set(OLD).isdisjoint(events.partitions(conn))


@pytest.mark.usefixtures("old")
def test_a_taken_name_keeps_neither_a_promotion_nor_a_prune(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    events.drop(conn, *(events.name(n) for n in range(4)))
    conn.execute(sql.SQL("CREATE TABLE {} (x int)").format(sql.Identifier(events.name(3))))
    events.insert(conn, events.month(0), 4)
    pruned = partitions(*PRUNE)
    assert pruned.code == 6
    assert events.name(3) in pruned.err
    assert {events.name(n) for n in range(3)} <= set(events.partitions(conn))
    assert set(OLD[:3]).isdisjoint(events.partitions(conn))
    assert events.count(conn, events.name(0)) == 4


def test_rows_of_a_month_whose_name_is_taken_are_named(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    name = events.name(-20)
    conn.execute(sql.SQL("CREATE TABLE {} (x int)").format(sql.Identifier(name)))
    events.insert(conn, events.month(-20), 4)
    events.insert(conn, events.month(-10), 4)
    planned = partitions("heal", "--dry-run", "--json")
    assert planned.code == 3
    assert planned.json["tables"][0]["held"] == [{"table": name, "rows": 4, "detached": False}]
    healed = partitions("heal", "--json")
    assert healed.code == 6
    assert healed.json["error"]["names"] == [name]
    assert events.count(conn, "learning_events_default") == 4
    conn.execute(sql.SQL("ALTER TABLE {} RENAME TO other").format(sql.Identifier(name)))
    assert partitions("heal").code == 0
    assert events.count(conn, name) == 4
