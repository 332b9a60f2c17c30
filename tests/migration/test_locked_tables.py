"""Who locks a table wholly is waited for and named; a run that lost its run lock ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.migration import position
from lmsschema.migration.upgrade import upgrade
from tests.support.program import Program

INSTITUTION = (
    "INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a.example', 'k12')"
)


@contextmanager
def locked_for_a_while(url: str) -> Iterator[int]:
    """Have a session lock institutions until the first attempt to read it has failed."""
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as observer:
        holder.execute("LOCK TABLE institutions IN ACCESS EXCLUSIVE MODE")

        def let_go() -> None:
            waits = (
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND relation = 'institutions'::regclass"
            )
            seen = False
            for _ in range(2000):  # until someone has waited, and waits no longer
                [(waiting,)] = observer.execute(waits).fetchall()
                if seen and not waiting:
                    break
                seen = seen or waiting > 0
                time.sleep(0.02)
            holder.rollback()

        thread = threading.Thread(target=let_go)
        thread.start()
        yield holder.info.backend_pid
        thread.join()


def test_a_table_that_is_locked_is_read_at_a_later_attempt(
    lmsschema: Program, database_url: str
) -> None:
    assert lmsschema("upgrade", "0005", "--url", database_url).code == 0
    with psycopg.connect(database_url) as conn:
        conn.execute(INSTITUTION)
    for command in ("plan", "upgrade"):
        with locked_for_a_while(database_url) as pid:
            done = lmsschema(command, "0006", "--url", database_url, "--shadow-url", database_url)
        assert done.code == 0, done
        assert "a table is locked; attempt 2 of 11" in done.err
        assert f"waiting for pid {pid} (user" in done.err
        assert "LOCK TABLE institutions" in done.err


def test_who_never_lets_go_is_named_at_the_end(lmsschema: Program, database_url: str) -> None:
    assert lmsschema("upgrade", "0003", "--url", database_url).code == 0
    with psycopg.connect(database_url) as holder:
        holder.execute(INSTITUTION)
        holder.commit()
        holder.execute("LOCK TABLE institutions IN ACCESS EXCLUSIVE MODE")
        limits = ("--lock-retries", "0", "--json")
        outcome = lmsschema("upgrade", "--url", database_url, *limits)
        assert outcome.code == 5, outcome
        error = outcome.json["error"]
        assert [blocker["pid"] for blocker in error["blockers"]] == [holder.info.backend_pid]


def end_the_run_lock(url: str) -> None:
    """End the session that holds the run lock of this database."""
    with psycopg.connect(url, autocommit=True) as conn:
        [(pid,)] = conn.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchall()
        conn.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_run_whose_lock_is_lost_ends_before_the_next_revision(database_url: str) -> None:
    with closing(connect(Target(database_url, "the test")).conn) as conn:
        database = connect(Target(database_url, "the test"))
        with closing(database.conn), pytest.raises(DatabaseUnavailableError, match="the run lock"):
            upgrade(database, on_applied=lambda _: end_the_run_lock(database_url))
        version = conn.execute("SELECT version_num FROM lmsschema_version").fetchone()
        assert version == ("0001_foundation",)
        assert conn.execute("SELECT to_regclass('enrollments')").fetchone() == (None,)


def test_a_run_whose_lock_is_lost_ends_before_the_next_step(database_url: str) -> None:
    database = connect(Target(database_url, "the test"))
    told: list[str] = []

    def lose(message: object) -> None:
        if "building index idx_learning_events_lesson" in str(message) and not told:
            end_the_run_lock(database_url)
            told.append(str(message))

    with closing(database.conn) as conn:
        upgrade(database, "0003_analytics")
        conn.execute(INSTITUTION)
        with pytest.raises(DatabaseUnavailableError, match="the run lock"):
            upgrade(database, "0004_integrity", shadow_url=database_url, notify=lose)
        assert told
        assert position.current(database) == "0003_analytics"
        made = conn.execute("SELECT to_regclass('idx_learning_events_lesson') IS NOT NULL")
        assert made.fetchone() == (True,)
        done = upgrade(database, "0004_integrity", shadow_url=database_url)
        assert done.applied == ("0004_integrity",)
