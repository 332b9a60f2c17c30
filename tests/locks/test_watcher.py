"""Who is named as the session that blocks: never one that this program has open to look on."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.locks import sessions, watcher
from lmsschema.locks.context import Context, Progress

BUILD = "CREATE INDEX CONCURRENTLY things_n ON things (n)"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with a table."""
    found = connect(Target(database_url, "the test"))
    with contextlib.closing(found.conn):
        found.conn.execute("CREATE TABLE things (n integer)")
        yield found


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the server's own limits end what never comes."""
    while not holds():
        time.sleep(0.02)


@contextlib.contextmanager
def building(database_url: str) -> Iterator[int]:
    """Build an index that waits for a snapshot; yields the session that builds it."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SET statement_timeout = '60s'")
        thread = threading.Thread(target=conn.execute, args=(BUILD,))
        thread.start()
        try:
            yield conn.info.backend_pid
        finally:
            thread.join()


def waits(conn: psycopg.Connection, pid: int) -> bool:
    """Whether a session waits for another."""
    row = conn.execute("SELECT cardinality(pg_catalog.pg_blocking_pids(%s)) > 0", (pid,)).fetchone()
    return row == (True,)


def test_a_session_that_looks_on_is_not_named(database: Database, database_url: str) -> None:
    """Even where the index that is built waits for the very snapshot of the look."""
    with sessions.beside(database.target) as looking, building_after(looking, database_url) as pid:
        backend = {"pid": pid, "since": 0}
        until(lambda: waits(database.conn, pid))
        assert waits(looking, pid)
        assert sessions.blocking(looking, backend, pooled=False) == []
        assert sessions.blocking(database.conn, backend, pooled=False) == []
        assert sessions.old_transactions(database.conn, older=0) == []
        looking.execute("COMMIT")


@contextlib.contextmanager
def building_after(looking: psycopg.Connection, database_url: str) -> Iterator[int]:
    """Build an index that waits for a transaction of ``looking``."""
    looking.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    looking.execute("SELECT count(*) FROM pg_catalog.pg_class")
    with building(database_url) as pid:
        try:
            yield pid
        finally:
            looking.execute("ROLLBACK")


def test_a_watcher_holds_no_snapshot_between_two_looks(database: Database) -> None:
    looks = threading.Semaphore(0)
    pids: list[int] = []

    def look(conn: psycopg.Connection) -> bool:
        conn.execute("SELECT count(*) FROM things WHERE n < %s", (1,))
        pids.append(conn.info.backend_pid)
        looks.release()
        return True

    def is_idle() -> bool:
        row = database.conn.execute(
            "SELECT state, backend_xmin, xact_start FROM pg_catalog.pg_stat_activity"
            " WHERE pid = %s",
            (pids[0],),
        ).fetchone()
        return row == ("idle", None, None)

    with watcher.looking(Context(database), look, delay=0, pause=3600):
        looks.acquire()
        until(is_idle)
    assert len(pids) == 1


def test_who_blocks_is_told_once_and_listed(database: Database, database_url: str) -> None:
    told: list[Progress] = []
    context = Context(database, tell=told.append)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE things")
        pid = holder.info.backend_pid
        with (
            pytest.raises(psycopg.errors.LockNotAvailable),
            watcher.watched(context, 0.1) as seen,
            database.transaction(lock_timeout=2) as conn,
        ):
            conn.execute("SELECT FROM things")
    assert [one.pid for one in seen] == [pid]
    assert [one.as_data().keys() for one in seen] == [{"pid", "user", "age", "state", "query"}]
    assert len(told) == 1
    assert str(told[0]).startswith(f"waiting for pid {pid} (user ")


def test_what_runs_inside_is_looked_at_by_the_same_watcher(database: Database) -> None:
    """And while its connection is lost it opens another one."""
    found: list[tuple[str, int]] = []
    looked = {name: threading.Semaphore(0) for name in ("outside", "inside")}

    def look_from(name: str) -> watcher.Look:
        def look(conn: psycopg.Connection) -> bool:
            conn.execute("SELECT 1")
            found.append((name, conn.info.backend_pid))
            looked[name].release()
            return name == "outside"

        return look

    context = Context(database)
    with watcher.looking(context, look_from("outside"), delay=0, pause=0.01):
        looked["outside"].acquire()
        with watcher.looking(context, look_from("inside")):
            looked["inside"].acquire()
            begun = len(found)
        until(lambda: len(found) > begun)
        first = {pid for _, pid in found}
        assert len(first) == 1
        assert [name for name, _ in found].count("inside") == 1
        database.conn.execute("SELECT pg_catalog.pg_terminate_backend(%s)", [*first])
        until(lambda: {pid for _, pid in found} > first)
    names = [name for name, _ in found]
    assert set(names[begun:]) == {"outside"}
    assert names[0] == names[-1] == "outside"
