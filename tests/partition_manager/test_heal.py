"""Rows are moved out of the default partition: nothing lost, hidden or refused meanwhile."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context
from lmsschema.partition_manager import ensure, heal
from lmsschema.partition_manager import state as partition_state
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events, healing
from tests.support.healing import SMALL
from tests.support.moving import once_copied

Opened = Callable[..., Database]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


def fixed(conn: psycopg.Connection) -> int:
    """Mark the events that are there, for the reader to count; returns how many they are."""
    return conn.execute("UPDATE learning_events SET event_type = 'fixed'").rowcount


def at_rest(database: Database) -> bool:
    """Whether neither ensure nor heal finds anything to do."""
    ensured = ensure.ensure(Context(database), LEARNING_EVENTS)
    _, planned = heal.plan(database, LEARNING_EVENTS)
    return not ensured.done and not ensured.blocked and planned.method == "nothing"


def test_three_missing_months_become_one_partition(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0), events.name(1))
    for offset in (-2, -1, 0):
        events.insert(conn, events.month(offset), 3000)
    total = fixed(conn)
    database = opened(upgraded_url)
    with events.load(upgraded_url, [str(events.month(0))], fixed=total) as load:
        outcome = ensure.ensure(Context(database), LEARNING_EVENTS)
    assert not load.errors
    assert not load.missed
    assert outcome.healed is not None
    assert outcome.healed.method == "promote"
    assert not outcome.blocked
    home = f"{events.name(-2)}_to{events.name(0).removeprefix('learning_events')}"
    assert home in events.partitions(conn)
    assert events.count(conn) == total + load.inserted
    assert events.count(conn, "learning_events_default") == 0
    assert at_rest(database)


def test_a_month_keeps_its_name_and_its_indexes_are_named_after_it(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 50)
    healed = heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert healed.applied
    assert events.count(conn, events.name(0)) == 50
    rows = conn.execute(
        "SELECT tablename, indexname FROM pg_indexes WHERE tablename IN (%s, %s)",
        (events.name(0), "learning_events_default"),
    ).fetchall()
    names = conn.execute(
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'learning_events'"
    ).fetchone()
    assert names == (len(rows) / 2,)
    assert all(index.startswith(table) for table, index in rows)


def test_far_rows_stay_in_the_default(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 20)
    for instant in ("2100-01-01 00:00+00", "infinity", "-infinity", "0044-03-15 BC", "1970-01-01"):
        events.insert(conn, instant)
    database = opened(upgraded_url)
    healed = heal.heal(Context(database), LEARNING_EVENTS)
    assert (healed.plan.method, healed.plan.rows, healed.plan.staying) == ("promote", 20, 5)
    assert events.count(conn, "learning_events_default") == 5
    assert events.count(conn, events.name(0)) == 20
    assert len(events.partitions(conn)) == 5
    assert at_rest(database)


def test_a_few_rows_of_another_month_get_a_partition_of_their_own(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 20)
    events.insert(conn, events.month(-30), 2)
    healed = heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert healed.plan.method == "promote"
    assert events.count(conn, events.name(-30)) == 2
    assert events.count(conn, events.name(0)) == 20
    assert events.count(conn, "learning_events_default") == 0


def test_many_rows_of_separate_months_are_moved_while_others_write(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 3000)
    events.insert(conn, events.month(-7), 3000)
    events.insert(conn, "2100-01-01", 30)
    total = fixed(conn)
    database = opened(upgraded_url)
    instants = [str(events.month(0)), str(events.month(-7)), "2099-01-01", "2019-01-01"]
    with events.load(upgraded_url, instants, fixed=total) as load:
        healed = heal.heal(Context(database), LEARNING_EVENTS, limits=SMALL)
    assert not load.errors
    assert not load.missed
    assert (healed.plan.method, healed.applied) == ("move", True)
    assert events.count(conn) == total + load.inserted
    assert events.count(conn, events.name(0)) >= 3000
    assert events.count(conn, events.name(-7)) >= 3000
    lost = conn.execute("SELECT count(*) - count(DISTINCT id) FROM learning_events").fetchone()
    assert lost == (0,)
    assert nothing_left_behind(conn)


def test_rows_that_change_while_they_are_copied(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Rows are updated, deleted and moved to another month between the copy and the exchange."""
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 100)
    events.insert(conn, events.month(-7), 100)

    def change() -> None:
        conn.execute("UPDATE learning_events SET event_action = 'changed' WHERE ctid < '(0,5)'")
        conn.execute("DELETE FROM learning_events WHERE ctid >= '(0,5)' AND ctid < '(0,9)'")
        conn.execute(
            "UPDATE learning_events SET event_timestamp = %s WHERE ctid = '(0,9)'",
            (events.month(-7),),
        )

    context = Context(opened(upgraded_url), tell=once_copied(change))
    heal.heal(context, LEARNING_EVENTS, limits=SMALL)
    assert events.count(conn) == 196
    changed = conn.execute(
        "SELECT count(*) FROM learning_events WHERE event_action = 'changed'"
    ).fetchone()
    assert changed == (4,)
    assert events.count(conn, events.name(-7)) == 101
    assert nothing_left_behind(conn)


def test_a_move_that_was_interrupted_is_begun_again(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 100)
    events.insert(conn, events.month(-7), 100)
    assert healing.killed(upgraded_url, 'SET "lmsschema_taken"', 1, "before")  # copied by then
    events.insert(conn, events.month(0))
    assert events.count(conn) == 201
    healed = heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS, limits=SMALL)
    assert healed.applied
    assert events.count(conn) == 201
    assert events.count(conn, events.name(-7)) == 100
    assert nothing_left_behind(conn)


def test_ensure_leaves_a_move_to_heal_and_makes_everything_else(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *(events.name(offset) for offset in range(4)))
    events.insert(conn, events.month(0), 3000)
    events.insert(conn, events.month(-7), 3000)
    outcome = ensure.ensure(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert [partition.name for partition in outcome.blocked] == [events.name(0)]
    assert [action.name for action in outcome.done] == [events.name(n) for n in (1, 2, 3)]


def test_rows_that_others_refer_to_are_not_moved(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(3))
    conn.execute(
        "CREATE TABLE remarks (id uuid, at timestamptz,"
        " FOREIGN KEY (id, at) REFERENCES learning_events ON DELETE CASCADE)"
    )
    events.insert(conn, events.month(3), 100)
    events.insert(conn, events.month(-7), 100)
    with pytest.raises(UnsafeError, match="remarks"):
        heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS, limits=SMALL)
    assert events.count(conn) == 200


def nothing_left_behind(conn: psycopg.Connection) -> bool:
    rows = conn.execute(
        "SELECT relname FROM pg_class WHERE relname ~ 'heal|_new$' UNION ALL"
        " SELECT proname FROM pg_proc WHERE proname ~ 'heal_log' UNION ALL"
        " SELECT conname FROM pg_constraint WHERE conname = 'lmsschema_bounds' UNION ALL"
        " SELECT relname FROM pg_class WHERE obj_description(oid, 'pg_class') ~ 'unfinished'"
    ).fetchall()
    return rows == []


def test_somebody_else_s_table_of_the_promoted_name_stays(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, events.name(0))
    conn.execute(f"CREATE TABLE {events.name(0)} (note text)")
    events.insert(conn, events.month(0), 5)
    with pytest.raises(UnsafeError, match=f"{events.name(0)} exists in schema public"):
        ensure.ensure(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert events.count(conn) == 5
    assert events.count(conn, events.name(0)) == 0


def test_state_tells_the_default(upgraded_url: str, opened: Opened) -> None:
    database = opened(upgraded_url)
    with database.transaction(read_only=True):
        state = partition_state.read(database, LEARNING_EVENTS)
    assert state.default == "learning_events_default"
