"""What the rules of ``0005_consistency`` cost whoever inserts rows.

Usage, in a checkout that is installed --editable:
    python benchmarks/inserts.py [--rounds N]

Starts a throw-away embedded server, as durable as one in production, with two databases, one at
each revision. By turns, so that whatever else the machine does meets both alike, they get batches
of rows, of one statement each, and events of a transaction each. Prints both rates, by the
medians, and the cost.

A rule costs a row next to nothing. It costs a statement some microseconds, in which PostgreSQL
makes its condition ready: that is seen where each row is a statement, and not in batches.
"""

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Callable

import psycopg

from benchmarks.integrity import FILL, throw_away_server
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration.upgrade import upgrade

BEFORE, AFTER = "0004_integrity", "0005_consistency"

#: The part of the rate that events may cost.
LIMIT = 0.03

EVENTS = """
    INSERT INTO learning_events
        (user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, device_info, browser_info, event_timestamp)
    SELECT x.user_id, x.course_id, s.lesson_id, s.id, 'view', 'navigation', 'open',
        '{"week": 3, "path": ["a", "b"]}', '{"seconds": 12, "score": 0.5}', x.id,
        '{"type": "phone"}', '{"name": "firefox", "version": 140}', now() + g * interval '1 second'
    FROM (SELECT * FROM learning_sessions LIMIT 1) x, (SELECT * FROM sections LIMIT 1) s,
        generate_series(1, %s) g
"""
PROGRESS = """
    INSERT INTO section_progress (user_id, section_id, enrollment_id, interaction_data)
    SELECT e.user_id, s.id, e.id, '{"clicks": 3}'
    FROM (SELECT * FROM enrollments ORDER BY id LIMIT %s) e, (SELECT * FROM sections LIMIT 1) s
"""


def batch(statement: str, rows: int) -> Callable[[psycopg.Connection], None]:
    """Return what inserts a batch and takes it back."""

    def insert(conn: psycopg.Connection) -> None:
        with conn.transaction(force_rollback=True):
            conn.execute(statement.encode(), [rows])

    return insert


def singly(conn: psycopg.Connection) -> None:
    """Insert an event in a transaction."""
    conn.execute(EVENTS.encode(), [1], prepare=True)


#: What is inserted → how, how many rows, and the part of the rate that it may cost.
CASES: dict[str, tuple[Callable[[psycopg.Connection], None], int, float | None]] = {
    "events in batches": (batch(EVENTS, 100), 100, LIMIT),
    "events singly": (singly, 1, LIMIT),
    "progress in batches": (batch(PROGRESS, 100), 100, None),
}


def fill(url: str, revision: str) -> None:
    """Bring a database to a revision, with people and courses, and no progress."""
    database = connect(Target(url, "benchmark"))
    with contextlib.closing(database.conn) as conn:
        upgrade(database, revision)
        conn.execute(FILL.format(per_session=1).encode())
        conn.execute("TRUNCATE section_progress; ANALYZE")


def measure(
    conns: dict[str, psycopg.Connection], run: Callable[[psycopg.Connection], None], rounds: int
) -> dict[str, float]:
    """Return the median of the seconds that something takes at each revision."""
    taken: dict[str, list[float]] = {revision: [] for revision in conns}
    for turn in range(rounds):
        for revision in (BEFORE, AFTER) if turn % 2 else (AFTER, BEFORE):
            begin = time.perf_counter()
            run(conns[revision])
            taken[revision].append(time.perf_counter() - begin)
    return {revision: statistics.median(found) for revision, found in taken.items()}


def main() -> int:
    """Measure all; 1 if events cost more than they may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    options = parser.parse_args()
    kept = True
    with throw_away_server() as server, contextlib.ExitStack() as stack:
        conns = {}
        for revision in (BEFORE, AFTER):
            with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
                admin.execute(f'CREATE DATABASE "{revision}"'.encode())
            fill(server.url(revision), revision)
            opened = psycopg.connect(server.url(revision), autocommit=True)
            conns[revision] = stack.enter_context(opened)
        for what, (run, rows, limit) in CASES.items():
            medians = measure(conns, run, options.rounds)
            cost = 1 - medians[BEFORE] / medians[AFTER]
            print(f"\n{what} ({options.rounds} rounds of {rows} rows, medians)")
            for revision, median in medians.items():
                print(f"  {revision:<18} {rows / median:10.0f} rows a second")
            print(f"  cost               {cost * 100:10.1f} % of the rate", end="")
            if limit is not None:
                kept &= cost <= limit
                print(f", at most {limit * 100:g}: {'yes' if cost <= limit else 'NO'}", end="")
            print()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
