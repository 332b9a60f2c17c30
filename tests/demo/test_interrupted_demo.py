"""``lmsschema demo`` that is killed or interrupted: the next run does what is left."""

import os
import signal
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support import demos, forks
from tests.support.forks import Fork, Forker
from tests.support.program import clean_environment

#: The tables that a run is kept from, one after the other: at each it is ended.
PLACES = ("institutions", "learning_sessions", "enrollments", "course_analytics")

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""

LEFT = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'
"""


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    """Starts runs that can be ended."""
    with forks.forker(clean_environment()) as found:
        yield found


def until(conn: psycopg.Connection, query: str, expected: int) -> None:
    """Wait until a query gives a number."""
    deadline = time.monotonic() + 60
    while conn.execute(query.encode()).fetchone() != (expected,):
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def end(fork: Fork, how: signal.Signals) -> int:
    """End a run; return its exit code."""
    os.kill(fork.pid, how)
    return fork.wait().code


def test_a_run_that_was_ended_is_gone_on_with(forker: Forker, upgraded_url: str) -> None:
    """Killed or interrupted at four places, then once more: the rows are the same."""
    asked = (*demos.ASKED, "--url", upgraded_url)
    with (
        psycopg.connect(upgraded_url, autocommit=True) as conn,
        psycopg.connect(upgraded_url) as holder,
    ):
        for number, table in enumerate(PLACES):
            how = signal.SIGINT if number % 2 else signal.SIGKILL
            holder.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(table)))
            with forker.start(*asked, "--workers", "1") as fork:
                until(conn, WAITING, 1)
                code = end(fork, how)
            assert code == (130 if how is signal.SIGINT else -signal.SIGKILL), table
            holder.rollback()
            until(conn, LEFT, 1)
    assert forker.run(*asked, "--workers", "4") == 0
    assert demos.digest(upgraded_url) == demos.DIGEST


def test_a_run_that_was_killed_between_months_goes_on(forker: Forker, upgraded_url: str) -> None:
    """Some months are there, and of the others nothing."""
    asked = (*demos.ASKED, "--url", upgraded_url)
    months = ("--from", "2026-01", "--to", "2026-11")
    assert forker.run("partitions", "create", *months, "--url", upgraded_url) == 0
    with (
        psycopg.connect(upgraded_url, autocommit=True) as conn,
        psycopg.connect(upgraded_url) as holder,
    ):
        holder.execute("LOCK TABLE learning_events_2026_03 IN SHARE MODE")
        with forker.start(*asked, "--workers", "2") as fork:
            until(conn, WAITING, 2)  # all that it can do is done
            end(fork, signal.SIGKILL)
        holder.rollback()
        until(conn, LEFT, 1)
        before = conn.execute("SELECT count(*) FROM learning_events").fetchone()
        assert before
        assert 0 < before[0] < 6000
        assert conn.execute("SELECT count(*) FROM enrollments").fetchone() == (0,)
    assert forker.run(*asked) == 0
    assert demos.digest(upgraded_url) == demos.DIGEST
