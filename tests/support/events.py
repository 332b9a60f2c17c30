"""Rows for learning_events, writers that go on inserting them, and what must hold afterwards."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from lmsschema.partitions import LEARNING_EVENTS

INSERT = """
INSERT INTO learning_events
(user_id, course_id, event_type, event_category, event_action, session_id, event_timestamp)
SELECT
    (SELECT id FROM users LIMIT 1), (SELECT id FROM courses LIMIT 1),
    'view', 'navigation', 'open', gen_random_uuid(), %(at)s::timestamptz
FROM generate_series(1, %(rows)s)
"""


def month(offset: int, *, day: int = 15, now: datetime | None = None) -> datetime:
    """Return a day of the month that many months from now, in UTC."""
    start = LEARNING_EVENTS.start(now or datetime.now(UTC))
    return LEARNING_EVENTS.step(start, offset).replace(day=day)


def name(offset: int) -> str:
    """Return the name of the partition of the month that many months from now."""
    return LEARNING_EVENTS.name(month(offset, day=1))


def people(conn: psycopg.Connection) -> None:
    """Insert an institution, ten users and a course, for events to refer to."""
    conn.execute(
        "WITH i AS (INSERT INTO institutions (name, domain, education_level)"
        " VALUES ('North', 'north.example', 'higher_ed') RETURNING id),"
        " u AS (INSERT INTO users (institution_id, email, username, role)"
        " SELECT i.id, n || '@north.example', 'u' || n, 'student'"
        " FROM i, generate_series(1, 10) AS n RETURNING id)"
        " INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level)"
        " SELECT id, 'Algebra', 'Numbers', 'maths', 'beginner' FROM i"
    )


def insert(conn: psycopg.Connection, at: datetime | str, rows: int = 1) -> None:
    """Insert events of one instant; an infinite one as into a table without the rule against it."""
    if isinstance(at, str) and "infinity" in at:
        conn.execute(
            "ALTER TABLE learning_events"
            " DROP CONSTRAINT IF EXISTS learning_events_finite_values_check"
        )
    conn.execute(INSERT, {"at": at, "rows": rows})


def drop(conn: psycopg.Connection, *partitions: str) -> None:
    """Drop partitions, as if they had never been made."""
    for partition in partitions:
        conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition)))


def count(conn: psycopg.Connection, table: str = "learning_events") -> int:
    """Count a table's rows."""
    row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def partitions(conn: psycopg.Connection) -> dict[str, str]:
    """Return the partitions' names and bounds, as PostgreSQL prints them in UTC."""
    conn.execute("SET TimeZone TO 'UTC'")
    rows = conn.execute(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i"
        " JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'learning_events'::regclass ORDER BY 1"
    ).fetchall()
    return {str(name): str(bounds) for name, bounds in rows}


class Load:
    """Writers and readers at work; what they met is in ``errors`` and ``missed``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.inserted = 0
        self.errors: list[str] = []
        self.missed: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def write(self, instants: list[str]) -> None:
        """Insert an event of each instant in turn, and update a user, until stopped."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            turn = 0
            while not self._stop.is_set():
                try:
                    with conn.transaction():
                        conn.execute(
                            "UPDATE users SET last_active_at = now() WHERE username = 'u1'"
                        )
                        insert(conn, instants[turn % len(instants)])
                except psycopg.Error as error:
                    self.errors.append(f"{error.sqlstate}: {error}")
                    return
                with self._lock:
                    self.inserted += 1
                turn += 1

    def read(self, expected: int) -> None:
        """Count the events of a user that has ``expected`` and gets no more, until stopped."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            while not self._stop.is_set():
                try:
                    row = conn.execute(
                        "SELECT count(*) FROM learning_events WHERE event_type = 'fixed'"
                    ).fetchone()
                except psycopg.Error as error:
                    self.errors.append(f"{error.sqlstate}: {error}")
                    return
                if row != (expected,):
                    self.missed.append(f"{row} instead of {expected}")
                    return

    def stop(self) -> None:
        """Have everyone end after what is under way."""
        self._stop.set()


@contextlib.contextmanager
def load(
    url: str, instants: list[str], *, fixed: int | None = None, writers: int = 2
) -> Iterator[Load]:
    """Have writers (and a reader) at work meanwhile; what they met is on what is yielded."""
    work = Load(url)
    threads = [threading.Thread(target=work.write, args=(instants,)) for _ in range(writers)]
    if fixed is not None:
        threads.append(threading.Thread(target=work.read, args=(fixed,)))
    for thread in threads:
        thread.start()
    try:
        yield work
    finally:
        work.stop()
        for thread in threads:
            thread.join()
