"""Rows of a month that was detached: nothing waits for them, and they go with the month."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context
from lmsschema.partition_manager import restore
from lmsschema.partitions import LEARNING_EVENTS
from tests.partition_manager.conftest import Partitions
from tests.support import events
from tests.support.boundaries import Interlude, relayed

OLD = -30
NAME = events.name(OLD)


@pytest.fixture
def late(conn: psycopg.Connection, partitions: Partitions) -> None:
    """A month with ten rows that was detached, and then two late rows of it in the default."""
    month = f"{events.month(OLD):%Y-%m}"
    assert partitions("create", "--from", month, "--to", month).code == 0
    events.insert(conn, events.month(OLD), 10)
    assert partitions("prune", "--keep", "24m").code == 0
    assert NAME not in events.partitions(conn)
    events.insert(conn, events.month(OLD) + timedelta(days=1), 2)


@pytest.mark.usefixtures("late")
def test_every_command_does_all_it_can(conn: psycopg.Connection, partitions: Partitions) -> None:
    """Months ahead are made and promoted, and months pruned, in spite of a late row."""
    events.drop(conn, events.name(0), events.name(1), events.name(2), events.name(3))
    events.insert(conn, events.month(0), 5)  # in the way of the current month
    done = partitions("ensure")
    assert done.code == 0, done.err
    assert {events.name(n) for n in range(4)} <= set(events.partitions(conn))
    assert events.count(conn, events.name(0)) == 5

    healed = partitions("heal", "--json")
    assert healed.code == 3  # two rows stay
    held = healed.json["tables"][0]["held"]
    assert held == [{"table": NAME, "rows": 2, "detached": True}]
    assert f"lmsschema partitions restore {NAME}" in partitions("heal").out

    other = f"{events.month(OLD - 1):%Y-%m}"
    assert partitions("create", "--from", other, "--to", other).code == 0
    pruned = partitions("prune", "--keep", "24m", "--json")
    assert pruned.json["detached"] == [events.name(OLD - 1)]
    assert events.count(conn, "learning_events_default") == 2


@pytest.mark.usefixtures("late")
def test_they_go_with_restore(conn: psycopg.Connection, partitions: Partitions) -> None:
    done = partitions("restore", NAME)
    assert done.code == 0, done.err
    assert events.count(conn, NAME) == 12
    assert events.count(conn, "learning_events_default") == 0
    assert partitions("check").code == 0


@pytest.mark.usefixtures("late")
def test_a_late_row_with_a_key_that_the_month_has_is_named(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    conn.execute(
        sql.SQL(
            "UPDATE learning_events_default SET (id, event_timestamp) ="
            " (SELECT id, event_timestamp FROM {} LIMIT 1)"
            " WHERE ctid = (SELECT min(ctid) FROM learning_events_default)"
        ).format(sql.Identifier(NAME))
    )
    refused = partitions("restore", NAME)
    assert refused.code == 6
    assert "already exists" in refused.err
    assert events.count(conn, NAME) == 10
    assert events.count(conn, "learning_events_default") == 2


@pytest.mark.usefixtures("late")
def test_too_many_to_be_moved_under_locks_are_refused_with_what_helps(
    conn: psycopg.Connection,
    partitions: Partitions,
    opened: Callable[..., Database],
    upgraded_url: str,
) -> None:
    context = Context(opened(upgraded_url))
    with pytest.raises(UnsafeError, match="more than 1 rows of learning_events_default") as caught:
        restore.restore(context, LEARNING_EVENTS, NAME, many=1)
    assert events.count(conn) == 2
    for step in caught.value.hint.partition(": ")[2].split(";"):
        if step.startswith(" lmsschema"):
            assert partitions(*step.split()[2:]).code == 0
            assert events.count(conn) == 2
        elif step:
            conn.execute(step.encode())
    assert (events.count(conn), events.count(conn, NAME)) == (12, 12)
    assert partitions("check").code == 0


@pytest.mark.usefixtures("late")
def test_those_that_come_while_the_table_is_made_alike_are_counted_too(
    conn: psycopg.Connection, opened: Callable[..., Database], upgraded_url: str
) -> None:
    def insert(_: str) -> None:
        events.insert(conn, events.month(OLD) + timedelta(days=2), 1)

    with relayed(upgraded_url, Interlude("pg_try_advisory", insert)) as through:
        context = Context(opened(through))
        with pytest.raises(UnsafeError, match="more than 2 rows of learning_events_default"):
            restore.restore(context, LEARNING_EVENTS, NAME, many=2)
    assert (events.count(conn), NAME in events.partitions(conn)) == (3, False)
    restore.restore(Context(opened(upgraded_url)), LEARNING_EVENTS, NAME, many=3)
    assert events.count(conn, NAME) == 13


def test_many_late_rows_beside_rows_that_have_to_be_moved(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    """A promotion takes care of months on both sides of a detached one."""
    month = f"{events.month(OLD):%Y-%m}"
    assert partitions("create", "--from", month, "--to", month).code == 0
    assert partitions("prune", "--keep", "24m").code == 0
    for offset in (OLD - 1, OLD, OLD + 1):
        events.insert(conn, events.month(offset), 20)
    healed = partitions("heal")
    assert healed.code == 3
    assert events.count(conn, "learning_events_default") == 20
    assert events.count(conn) == 60
    assert partitions("restore", NAME).code == 0
    assert events.count(conn, NAME) == 20
