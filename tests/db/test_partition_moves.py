"""A move of the default's rows, whatever the database, its users and the kernel do meanwhile."""

from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema import partition_heal, partition_homes, partition_move
from lmsschema.db import Database
from lmsschema.ddl import locks
from lmsschema.ddl.locks import Lock
from lmsschema.partitions import LEARNING_EVENTS
from tests.db import events

Opened = Callable[..., Database]

DEFAULT = "learning_events_default"


@pytest.fixture
def conn(upgraded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A default with rows of two months that lie apart, so that they have to be moved."""
    monkeypatch.setattr(partition_homes, "FEW", 10)
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        events.drop(connection, events.name(0))
        events.insert(connection, events.month(0), 100)
        events.insert(connection, events.month(-7), 100)
        yield connection


def set_for_all(conn: psycopg.Connection, name: str, value: str) -> None:
    """Give every later session of the database a setting."""
    conn.execute(
        sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
            sql.Identifier(conn.info.dbname), sql.Identifier(name), sql.Literal(value)
        )
    )


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_row_that_comes_right_before_the_locks_is_kept(
    conn: psycopg.Connection,
    upgraded_url: str,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    isolation: str,
) -> None:
    """A snapshot from before the locks would not show it."""
    set_for_all(conn, "default_transaction_isolation", isolation)
    take = locks.take

    def insert_and_take(own: psycopg.Connection, wanted: Sequence[Lock], wait: float) -> None:
        if any((lock.table, lock.mode) == ("users", "ACCESS EXCLUSIVE") for lock in wanted):
            events.insert(conn, events.month(0), 3)
            conn.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,3)'")
        take(own, wanted, wait)

    monkeypatch.setattr(locks, "take", insert_and_take)
    healed = partition_heal.heal(opened(upgraded_url), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move", True)
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert conn.execute(late).fetchone() == (2,)
    assert events.count(conn) == 203


def test_a_change_that_replication_applies_is_noted(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where session_replication_role is replica, ordinary triggers do not fire."""
    copy = partition_move.Move.copy

    def copy_and_change(move: partition_move.Move) -> None:
        copy(move)
        with conn.transaction():
            conn.execute("SET LOCAL session_replication_role TO replica")
            conn.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,5)'")

    monkeypatch.setattr(partition_move.Move, "copy", copy_and_change)
    partition_heal.heal(opened(upgraded_url), LEARNING_EVENTS)
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert conn.execute(late).fetchone() == (4,)


def test_the_claim_of_a_move_holds_no_snapshot(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing of the whole database could be vacuumed until the move is over."""
    set_for_all(conn, "default_transaction_isolation", "repeatable read")
    seen: list[tuple[object, ...]] = []
    copy = partition_move.Move.copy

    def look_and_copy(move: partition_move.Move) -> None:
        seen.extend(
            conn.execute(
                "SELECT a.backend_xmin::text FROM pg_stat_activity AS a JOIN pg_locks AS l"
                " ON l.pid = a.pid AND l.locktype = 'advisory'"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = a.datname)"
                " WHERE a.datname = current_database()"
            ).fetchall()
        )
        copy(move)

    monkeypatch.setattr(partition_move.Move, "copy", look_and_copy)
    partition_heal.heal(opened(upgraded_url), LEARNING_EVENTS)
    assert seen == [(None,)]


def test_a_role_that_may_make_no_temporary_tables(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, owner: str
) -> None:
    """Many databases take that right away from everybody."""
    events.insert(conn, "2100-01-01", 3)
    healed = partition_heal.heal(opened(owner), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move", True)
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 100)
    healed = partition_heal.heal(opened(owner), LEARNING_EVENTS)
    assert (healed.plan.method, healed.plan.staying) == ("promote", 3)
    assert events.count(conn) == 203
    assert events.count(conn, DEFAULT) == 3
    assert conn.info.dbname in upgraded_url


@pytest.fixture
def owner(conn: psycopg.Connection, upgraded_url: str) -> Iterator[str]:
    """The URL of a role that owns learning_events, may create in its schema, and no more."""
    name = "owner_" + conn.info.dbname.rsplit("test_", 1)[-1]
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    for table in ["learning_events", *events.partitions(conn)]:
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    conn.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    for table in ("users", "courses", "lessons", "sections"):
        conn.execute(
            sql.SQL("GRANT SELECT, UPDATE, REFERENCES ON {} TO {}").format(
                sql.Identifier(table), role
            )
        )
    conn.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
    conn.execute(sql.SQL("DROP ROLE {}").format(role))
