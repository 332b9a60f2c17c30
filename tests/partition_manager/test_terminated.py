"""SIGTERM, as systemd and Kubernetes send it, leaves as little as Ctrl-C does."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import events
from tests.support.program import clean_environment

TERMINATED = 128 + signal.SIGTERM


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own, ended at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "lmsschema", "partitions", *arguments],
        env=clean_environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(conn: psycopg.Connection, query: str) -> None:
    deadline = time.monotonic() + 60
    while conn.execute(query.encode()).fetchone() == (False,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_move_leaves_no_trigger_and_no_copy(conn: psycopg.Connection, upgraded_url: str) -> None:
    events.drop(conn, events.name(1), events.name(3))
    for offset in (1, 3):
        events.insert(conn, events.month(offset), 3000)
    with (
        psycopg.connect(upgraded_url) as reader,
        started("heal", "--url", upgraded_url) as process,
    ):
        reader.execute("SELECT FROM learning_events_default LIMIT 1")  # keeps it from its exchange
        _wait_for(
            conn, "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname ~ 'heal_log') AS started"
        )
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        reader.rollback()
        assert process.wait(60) == TERMINATED
    left = conn.execute(
        "SELECT relname FROM pg_class WHERE relname ~ 'heal|_new$' UNION ALL"
        " SELECT tgname FROM pg_trigger WHERE tgname ~ 'heal_log'"
    ).fetchall()
    assert left == []
    assert events.count(conn) == 6000
