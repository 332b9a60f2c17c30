"""What each operation on partitions locks, read from pg_locks while its transaction is open."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.locks import ladder
from lmsschema.locks.context import Context
from lmsschema.partition_manager import (
    attach,
    capture,
    detach,
    foreign_keys,
    heal,
    promote,
    state,
    statements,
)
from lmsschema.partition_manager.heal_plan import HealLimits
from lmsschema.partitions import LEARNING_EVENTS, Create
from tests.support import events
from tests.support.boundaries import Interlude, relayed

Opened = Callable[..., Database]

SHARED = {"courses", "lessons", "sections", "users"}
"""What the foreign keys of learning_events refer to."""

HARMLESS = {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}

STRENGTH = [
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def database(upgraded_url: str, opened: Opened) -> Database:
    return opened(upgraded_url)


def held(conn: psycopg.Connection, pid: int | None = None) -> dict[str, str]:
    """Return the strongest lock on each table that a session holds, but what nobody notices."""
    rows = conn.execute(
        "SELECT c.relname, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE l.pid = coalesce(%s, pg_backend_pid()) AND l.granted AND c.relkind IN ('r', 'p')"
        " AND c.relnamespace = 'public'::regnamespace",
        (pid,),
    ).fetchall()
    found: dict[str, str] = {}
    for name, mode in rows:
        if mode not in HARMLESS:
            found[name] = max(found.get(name, mode), mode, key=STRENGTH.index)
    return found


def others(found: dict[str, str], *new: str) -> dict[str, str]:
    """Leave out tables that the operation itself has made, which nobody can use yet."""
    return {name: mode for name, mode in found.items() if name not in new}


def created(database: Database, name: str) -> attach.Surroundings:
    around = attach.surroundings(database, LEARNING_EVENTS)
    attach.create(database, LEARNING_EVENTS, [name], around)
    return around


def far(name: str) -> Create:
    return Create(name, LEARNING_EVENTS.interval_of(events.month(8)))


def test_creating_a_table_locks_nothing_that_others_use(database: Database) -> None:
    with database.transaction() as conn:
        created(database, "learning_events_x")
        assert others(held(conn), "learning_events_x") == {}


def test_attaching_beside_a_default(database: Database) -> None:
    with database.transaction() as conn:
        around = created(database, "learning_events_x")
        wanted = attach.needed(database, LEARNING_EVENTS, around, "learning_events_default")
        ladder.take(conn, wanted, 1)
        before = held(conn)
        database.conn.execute(statements.attach(LEARNING_EVENTS, far("learning_events_x")))
        after = held(conn)
    expected = dict.fromkeys(SHARED, "ShareRowExclusiveLock") | {
        "learning_events": "ShareRowExclusiveLock",
        "learning_events_default": "AccessExclusiveLock",
    }
    assert others(after, "learning_events_x") == expected
    assert others(before, "learning_events_x") == expected  # nothing is locked after that


def test_attaching_without_a_default_lets_inserts_go_on(
    database: Database, conn: psycopg.Connection
) -> None:
    events.drop(conn, "learning_events_default")
    with database.transaction() as own:
        around = created(database, "learning_events_x")
        ladder.take(own, attach.needed(database, LEARNING_EVENTS, around, None), 1)
        database.conn.execute(statements.attach(LEARNING_EVENTS, far("learning_events_x")))
        expected = dict.fromkeys(SHARED, "ShareRowExclusiveLock") | {
            "learning_events": "ShareUpdateExclusiveLock"
        }
        assert others(held(own), "learning_events_x") == expected


def test_detaching(database: Database) -> None:
    name = events.name(3)
    around = attach.surroundings(database, LEARNING_EVENTS)
    bounds = LEARNING_EVENTS.interval_of(events.month(3))
    with database.transaction() as conn:
        wanted = detach.needed(database, LEARNING_EVENTS, around, "learning_events_default", name)
        ladder.take(conn, wanted, 1)
        before = held(conn)
        detach.detach(database, LEARNING_EVENTS, name, bounds, now=events.month(0))
        after = held(conn)
    expected = dict.fromkeys(SHARED, "ShareRowExclusiveLock") | dict.fromkeys(
        ["learning_events", "learning_events_default", name], "AccessExclusiveLock"
    )
    assert before == after == expected


def test_promoting(database: Database, conn: psycopg.Connection) -> None:
    events.insert(conn, events.month(-1), 5)
    around = attach.surroundings(database, LEARNING_EVENTS)
    default = "learning_events_default"
    _, plan = heal.plan(database, LEARNING_EVENTS)
    assert plan.method == "promote"
    with database.transaction() as own:
        promote.prepare(database, LEARNING_EVENTS, plan, around)
        assert others(held(own), "learning_events_default_new") == {}
        ladder.take(own, promote.needed(database, LEARNING_EVENTS, around, default), 1)
        before = others(held(own), "learning_events_default_new")
        promote.promote(database, LEARNING_EVENTS, plan, default)
        after = held(own)
    everything = dict.fromkeys([*SHARED, "learning_events", default], "AccessExclusiveLock")
    assert before == everything
    assert after == everything | {events.name(-1): "AccessExclusiveLock"}  # the default renamed


def test_foreign_keys_are_dropped_one_at_a_time(
    upgraded_url: str, conn: psycopg.Connection, opened: Opened
) -> None:
    name = events.name(3)
    conn.execute(f"ALTER TABLE learning_events DETACH PARTITION {name}")
    with watched(upgraded_url, opened, conn) as (database, seen):
        foreign_keys.drop(Context(database), LEARNING_EVENTS, name)
    assert len(seen) == 4
    for found in seen:
        assert found.pop(name) == "AccessExclusiveLock"
        ((table, mode),) = found.items()
        assert (table in SHARED, mode) == (True, "AccessExclusiveLock")


def test_foreign_keys_are_added_with_a_moment_s_lock_and_validated_with_none(
    database: Database, upgraded_url: str, conn: psycopg.Connection, opened: Opened
) -> None:
    name = events.name(3)
    conn.execute(f"ALTER TABLE learning_events DETACH PARTITION {name}")
    foreign_keys.drop(Context(database), LEARNING_EVENTS, name)
    with watched(upgraded_url, opened, conn) as (through, seen):
        foreign_keys.add(Context(through), LEARNING_EVENTS, name)
    assert len(seen) == 8
    for found in seen[:4]:
        assert found.pop(name) == "ShareRowExclusiveLock"
        ((table, mode),) = found.items()
        assert (table in SHARED, mode) == (True, "ShareRowExclusiveLock")
    assert seen[4:] == [{name: "ShareUpdateExclusiveLock"}] * 4


def test_noting_changes_makes_writers_of_the_default_wait_alone(database: Database) -> None:
    log = capture.read(database, "learning_events_default", LEARNING_EVENTS.log_name)
    with database.transaction() as conn:
        capture.start(conn, log)
        found = others(held(conn), "learning_events_default_heal_log")
    assert found == {"learning_events_default": "ShareRowExclusiveLock"}


def test_exchanging(upgraded_url: str, conn: psycopg.Connection, opened: Opened) -> None:
    events.insert(conn, events.month(-1), 5)
    events.insert(conn, events.month(-5), 5)
    detaching = 'DETACH PARTITION "learning_events_default"'
    with watched(upgraded_url, opened, conn, detaching) as (database, seen):
        heal.heal(Context(database), LEARNING_EVENTS, limits=HealLimits(few=1))
    before, after = seen
    mine = [events.name(-1), events.name(-5), "learning_events_default_new"]
    default = "learning_events_default"
    everything = dict.fromkeys([*SHARED, "learning_events", default], "AccessExclusiveLock")
    assert others(before, *mine) == everything
    assert others(after, *mine, "learning_events_default_heal_log") == everything


def test_reading_locks_nothing(database: Database) -> None:
    with database.transaction(read_only=True) as conn:
        state.read(database, LEARNING_EVENTS)
        heal.read_misplaced(database, LEARNING_EVENTS, "learning_events_default")
        assert held(conn) == {}


@contextlib.contextmanager
def watched(
    url: str, opened: Opened, conn: psycopg.Connection, first: str = "COMMIT"
) -> Iterator[tuple[Database, list[dict[str, str]]]]:
    """Yield a database, and what it holds before a statement and at each COMMIT from then on.

    Transactions that hold nothing which anybody notices are left out.
    """
    seen: list[dict[str, str]] = []
    pids: list[int] = []

    def note(text: str) -> None:
        if pids and (first in text or (text == "COMMIT" and (seen or first == "COMMIT"))):
            seen.extend(locks for locks in [held(conn, pids[0])] if locks)

    with relayed(url, Interlude("", note, times=10_000)) as through:
        database = opened(through)
        pids.append(database.conn.info.backend_pid)
        yield database, seen
