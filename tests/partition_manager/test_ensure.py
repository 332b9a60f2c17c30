"""Making partitions: on an idle table, a busy one, a strange one, by a role with few rights."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import errors, sql

from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, Patience, in_lines
from lmsschema.partition_manager import ensure
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events
from tests.support.boundaries import Boundary, relayed
from tests.support.ensuring import TWELVE, Opened, cut_detach_short

SOON = Patience(total=1.5)


def test_nothing_to_do_is_one_query(upgraded_url: str, opened: Opened) -> None:
    boundary = Boundary()
    with relayed(upgraded_url, boundary) as through:
        database = opened(through)
        before = len(boundary.seen)
        outcome = ensure.ensure(Context(database), LEARNING_EVENTS)
        sent = [statement.text for statement in boundary.seen[before:]]
    assert outcome.done == ()
    begin, settings, query, commit = sent
    assert begin.startswith("BEGIN")
    assert settings.startswith("SELECT pg_catalog.set_config")
    assert "pg_inherits" in query
    assert commit == "COMMIT"


def test_twelve_months_under_load(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    instants = [str(events.month(offset)) for offset in range(4)]
    with events.load(upgraded_url, instants) as load:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert not load.errors
    assert len(outcome.done) == 12
    assert events.count(conn) == load.inserted > 0
    assert not ensure.ensure(Context(opened(upgraded_url)), TWELVE).done


def test_inserts_that_the_default_would_have_taken_are_not_refused(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Rows of a month arrive while its partition is made: in the default, or in it."""
    instants = [str(events.month(offset)) for offset in range(4, 16)]
    with events.load(upgraded_url, instants) as load:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert not load.errors
    assert events.count(conn) == load.inserted > 0
    assert not outcome.blocked
    assert outcome.until is not None
    assert outcome.until >= events.month(16, day=1)


def test_a_writer_that_holds_users_is_named_and_what_was_made_stays(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    told: list[str] = []
    with psycopg.connect(upgraded_url) as writer:
        writer.execute("UPDATE users SET last_active_at = now() WHERE username = 'u2'")
        with pytest.raises(LockTimeoutError) as caught:
            ensure.ensure(Context(opened(upgraded_url), SOON, tell=in_lines(told.append)), TWELVE)
        pid = writer.info.backend_pid
        writer.rollback()
    assert f"pid {pid}" in caught.value.message
    assert "UPDATE users SET last_active_at" in caught.value.message
    assert "idle in transaction" in caught.value.message
    assert any(f"pid {pid}" in line for line in told)
    assert len(events.partitions(conn)) == 5
    ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert len(events.partitions(conn)) == 17


def test_others_wait_no_longer_than_the_longest_lock_wait(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """While a transaction holds users, the run must not make everyone else queue behind it."""
    database = opened(upgraded_url)
    longest = 0.0
    with psycopg.connect(upgraded_url) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("UPDATE users SET last_active_at = now() WHERE username = 'u2'")
        run = pool.submit(ensure.ensure, Context(database, Patience(total=4)), TWELVE)
        while not run.done():
            begin = time.monotonic()
            conn.execute("UPDATE users SET last_active_at = now() WHERE username = 'u3'")
            longest = max(longest, time.monotonic() - begin)
        writer.rollback()
    assert isinstance(run.exception(), LockTimeoutError)
    assert 0.02 < longest < Patience().longest + 0.3


def test_a_long_reader_of_the_default(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT count(*) FROM learning_events")
        with pytest.raises(LockTimeoutError, match=f"pid {reader.info.backend_pid}"):
            ensure.ensure(Context(opened(upgraded_url), SOON), TWELVE)
        conn.execute("SET lock_timeout TO '1s'")
        events.insert(conn, events.month(0))


def test_a_transaction_in_the_other_order_gets_no_deadlock(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """It inserts an event and then updates a user; the run goes from users to events."""
    stop = threading.Event()
    met: list[str] = []

    def work() -> None:
        with psycopg.connect(upgraded_url, autocommit=True) as other:
            while not stop.is_set():
                try:
                    with other.transaction():
                        events.insert(other, events.month(0))
                        other.execute(
                            "UPDATE users SET last_active_at = now() WHERE username = 'u4'"
                        )
                except psycopg.Error as error:
                    met.append(str(error))
                    return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert met == []
    assert len(outcome.done) == 12
    assert len(events.partitions(conn)) == 17


def test_two_runs_at_once(conn: psycopg.Connection, upgraded_url: str, opened: Opened) -> None:
    told: list[str] = []
    databases = [opened(upgraded_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(ensure.ensure, Context(database, tell=in_lines(told.append)), TWELVE)
            for database in databases
        ]
        outcomes = [run.result() for run in runs]
    made = [action.name for outcome in outcomes for action in outcome.done]
    assert len(made) == len(set(made)) == 12
    assert len(events.partitions(conn)) == 17


def test_while_another_run_is_at_work_it_says_so(upgraded_url: str, opened: Opened) -> None:
    told: list[str] = []
    first, second = opened(upgraded_url), opened(upgraded_url)
    with first.transaction() as conn:
        from lmsschema.partition_manager import state

        state.claim(conn, first, LEARNING_EVENTS)
        outcome = ensure.ensure(Context(second, tell=in_lines(told.append)), TWELVE)
    assert (outcome.busy, outcome.done) == (True, ())
    assert told == ["another run is at work on the partitions of learning_events: left to it"]


def test_somebody_else_s_table_stays_as_it_is(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    name = events.name(5)
    conn.execute(sql.SQL("CREATE TABLE {} (note text)").format(sql.Identifier(name)))
    conn.execute(sql.SQL("INSERT INTO {} VALUES ('mine')").format(sql.Identifier(name)))
    with pytest.raises(UnsafeError, match=name):
        ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert events.count(conn, name) == 1
    found = events.partitions(conn)
    assert name not in found
    assert len(found) == 16  # all others are there


def test_somebody_else_s_type_of_that_name_stays(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    conn.execute(sql.SQL("CREATE TYPE {} AS ENUM ('a')").format(sql.Identifier(events.name(5))))
    with pytest.raises(UnsafeError, match=events.name(5)):
        ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert len(events.partitions(conn)) == 16  # all others are there


def test_an_empty_table_with_a_name_taken(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *events.partitions(conn))
    conn.execute("CREATE VIEW learning_events_default AS SELECT 1 AS one")
    with pytest.raises(UnsafeError, match="learning_events_default"):
        ensure.ensure(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert list(events.partitions(conn)) == [events.name(n) for n in range(4)]


def test_cron_down_without_a_default(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Rows are refused until the run, not after it; history keeps its hole."""
    policy = replace(LEARNING_EVENTS, default=False)
    events.drop(conn, *events.partitions(conn))
    database = opened(upgraded_url)
    with pytest.raises(errors.CheckViolation):
        events.insert(conn, events.month(0))
    ensure.ensure(Context(database), policy)
    events.insert(conn, events.month(0))
    assert "learning_events_default" not in events.partitions(conn)
    assert not ensure.ensure(Context(database), policy).done


def test_a_year_made_by_hand_is_left_and_built_around(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *(events.name(n) for n in range(4)))
    first = events.month(1, day=1)
    conn.execute(
        sql.SQL(
            "CREATE TABLE by_hand PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
        ).format(sql.Literal(str(first)), sql.Literal(str(events.month(13, day=11))))
    )
    database = opened(upgraded_url)
    ensure.ensure(Context(database), TWELVE)
    found = events.partitions(conn)
    assert "by_hand" in found
    assert events.name(0) in found
    assert events.name(13) in found  # its rest, from the 11th
    assert str(events.month(13, day=11).date()) in found[events.name(13)]
    assert not ensure.ensure(Context(database), TWELVE).done
    assert partition_listing.health(database, TWELVE).holes == ()


def test_a_set_made_under_another_time_zone(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *(events.name(n) for n in range(4)))
    conn.execute("SET TimeZone TO 'America/New_York'")
    for offset in (0, 1):
        conn.execute(
            sql.SQL(
                "CREATE TABLE {} PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
            ).format(
                sql.Identifier(events.name(offset)),
                sql.Literal(f"{events.month(offset):%Y-%m-01}"),
                sql.Literal(f"{events.month(offset + 1):%Y-%m-01}"),
            )
        )
    conn.execute("SET TimeZone TO 'UTC'")
    database = opened(upgraded_url)
    outcome = ensure.ensure(Context(database), LEARNING_EVENTS)
    assert outcome.done
    assert not ensure.ensure(Context(database), LEARNING_EVENTS).done
    assert partition_listing.health(database, LEARNING_EVENTS).holes == ()
    listed = {
        one.name: one for one in partition_listing.listing(database, LEARNING_EVENTS).partitions
    }
    assert any("but on it in America/" in odd for odd in listed[events.name(0)].oddities)


def test_a_detach_that_was_interrupted_in_the_window_is_undone(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    policy = replace(LEARNING_EVENTS, default=False)
    events.drop(conn, "learning_events_default")
    events.insert(conn, events.month(1), 7)
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT count(*) FROM learning_events")
        cut_detach_short(conn, events.name(1))
    assert events.count(conn) == 0
    database = opened(upgraded_url)
    assert partition_listing.health(database, policy).detach_pending == (events.name(1),)
    ensure.ensure(Context(database), policy)
    assert events.count(conn) == 7
    assert not ensure.ensure(Context(database), policy).done
