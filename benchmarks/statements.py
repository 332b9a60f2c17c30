"""The statements of an LMS, measured: with parameters from the busy end of synthetic data."""

import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from lmsschema.workload import Statement

#: For these a round costs much: few are run.
HEAVY = {
    "daily_actives",
    "daily_actives_from_events",
    "day_export",
    "day_rollup",
    "section_funnel",
}

#: Days before the end of the data from which, and until which, a statement reads.
SPANS = {
    "at_risk": (14, 0),
    "teacher_week": (7, 0),
    "course_submissions": (30, 0),
    "learner_timeline": (90, 0),
    "learner_in_course": (120, 0),
    "admin_overview": (7, 0),
    "daily_actives": (30, 0),
    "daily_actives_from_events": (30, 0),
    "day_rollup": (2, 1),
    "day_export": (2, 1),
}

#: The events that come at once.
BATCH = 50

#: The tables that an update of the workload changes, by statement.
UPDATED = {
    "heartbeat": "section_progress",
    "session_close": "learning_sessions",
    "enrollment_touch": "enrollments",
}

BUSY = """
    SELECT s.id AS session_id, s.session_start, s.user_id, s.course_id, e.id AS enrollment_id,
        u.institution_id, u.email, c.instructor_id, c.academic_term, c.subject_area,
        c.subject_area AS words, 'en' AS language, p.section_id, x.lesson_id,
        'semester' AS analysis_period, a.period_start,
        (SELECT max(server_timestamp) FROM learning_events) AS arrived
    FROM (
        SELECT * FROM learning_sessions
        WHERE session_start > %(end)s::timestamptz - interval '75 days'
            AND session_start < %(end)s
        ORDER BY md5(id::text) LIMIT 2000
    ) AS s
    INNER JOIN enrollments AS e ON e.user_id = s.user_id AND e.course_id = s.course_id
    INNER JOIN users AS u ON u.id = s.user_id
    INNER JOIN courses AS c ON c.id = s.course_id
    INNER JOIN course_analytics AS a ON a.course_id = c.id
    INNER JOIN LATERAL (
        SELECT section_id FROM section_progress WHERE learning_session_id = s.id LIMIT 1
    ) AS p ON true
    INNER JOIN sections AS x ON x.id = p.section_id
    ORDER BY md5(s.id::text)
"""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a statement costs.

    Attributes:
        p50: The median of the time that the client waits, in milliseconds.
        p99: That which one in a hundred waits longer than.
        cpu: The backend's processor time, in milliseconds.
        buffers: The pages that it looks at, as EXPLAIN counts them (median).
        wal: The bytes of WAL that it writes, without full pages.
        hot: The part of its updates that are HOT; None: it updates nothing.
        indexes: The indexes that its plans use.
    """

    p50: float
    p99: float
    cpu: float
    buffers: float
    wal: float
    hot: float | None
    indexes: frozenset[str]


def connected(url: str) -> psycopg.Connection:
    """Connect as an application does: in UTC, statements prepared, the disk not waited for."""
    conn = psycopg.connect(url, autocommit=True, prepare_threshold=5)
    conn.execute("SET timezone TO 'UTC'")
    conn.execute("SET synchronous_commit TO off")
    conn.execute("SET jit TO off")
    return conn


def busy(conn: psycopg.Connection, end: datetime) -> list[dict[str, Any]]:
    """Return the parameters of recent sessions, in an order that has nothing to do with them."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(BUSY, {"end": end}).fetchall()


def parameters(
    statement: Statement, rows: list[dict[str, Any]], end: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the parameters of one run after the other."""
    for number, row in enumerate(itertools.cycle(rows)):
        since, until = SPANS.get(statement.name, (0, 0))
        given = {**row, "since": end - timedelta(since), "until": end - timedelta(until)}
        if statement.name == "session_events":
            begun = row["session_start"]
            given |= {"since": begun - timedelta(minutes=5), "until": begun + timedelta(days=1)}
        if statement.name == "arrivals":
            given |= {"since": row["arrived"] - timedelta(seconds=1), "until": row["arrived"]}
        if statement.name == "event_batch":
            given["sent"] = _batch(rows, number)
        yield {name: given[name] for name in statement.parameters}


def _batch(rows: list[dict[str, Any]], number: int) -> str:
    """Return what fifty learners have sent, others in each batch."""
    first = number * BATCH
    sent = itertools.islice(itertools.cycle(rows), first % len(rows), first % len(rows) + BATCH)
    keys = ("user_id", "course_id", "session_id")
    return json.dumps([{key: str(row[key]) for key in keys} for row in sent])


def processor_time(conn: psycopg.Connection) -> float:
    """Return the seconds that the connection's backend has used a processor (Linux)."""
    text = Path(f"/proc/{conn.info.backend_pid}/schedstat").read_text("ascii")
    return int(text.split()[0]) / 1e9


def measure(
    conn: psycopg.Connection,
    statement: Statement,
    rows: list[dict[str, Any]],
    end: datetime,
    rounds: int,
) -> Cost:
    """Run a statement some times, and explain it some times in transactions taken back."""
    if statement.kind == "delete":
        rounds = min(rounds, 5)
    elif statement.name in HEAVY:
        rounds = max(3, rounds // 20)
    elif statement.name in UPDATED:
        rounds *= 10
    given = parameters(statement, rows, end)
    text = statement.text.encode()
    begun = _counters(conn, statement)
    taken = [_timed(conn, statement, text, next(given)) for _ in range(rounds)]
    ended = _counters(conn, statement)
    cpu, wal, updates, hot = (after - before for before, after in zip(begun, ended, strict=True))
    explained = [_explained(conn, text, next(given)) for _ in range(min(rounds, 15))]
    taken.sort()
    return Cost(
        p50=statistics.median(taken),
        p99=taken[min(len(taken) - 1, int(len(taken) * 0.99))],
        cpu=1000 * cpu / rounds,
        buffers=statistics.median(found for found, _ in explained),
        wal=wal / rounds,
        hot=hot / updates if updates else None,
        indexes=frozenset().union(*(used for _, used in explained)),
    )


def _timed(
    conn: psycopg.Connection, statement: Statement, text: bytes, given: dict[str, Any]
) -> float:
    """Run a statement; return the milliseconds that it took. A delete is taken back."""
    begin = time.perf_counter()
    with conn.transaction(force_rollback=statement.kind == "delete"):
        cursor = conn.execute(text, given)
        if cursor.description:
            cursor.fetchall()
        return (time.perf_counter() - begin) * 1000


def _counters(conn: psycopg.Connection, statement: Statement) -> tuple[float, ...]:
    """Return processor time, bytes of WAL, and the updates and HOT updates of its table."""
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.execute("SELECT 1")  # the next command's end sends what is counted
    row = conn.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'),"
        " coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0)"
        " FROM pg_stat_user_tables WHERE relname = %s",
        [UPDATED.get(statement.name)],
    ).fetchone() or (0, 0, 0)
    return processor_time(conn), *(float(value) for value in row)


def _explained(
    conn: psycopg.Connection, text: bytes, given: dict[str, Any]
) -> tuple[int, set[str]]:
    """Return the pages that a plan looked at, and the indexes that it used."""
    with conn.transaction(force_rollback=True):
        row = (
            psycopg.ClientCursor(conn)
            .execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + text, given)
            .fetchone()
        )
    plan = row[0][0]["Plan"] if row else {}
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], set(_indexes(plan))


def _indexes(plan: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in plan:
        yield plan["Index Name"]
    for inner in plan.get("Plans", ()):
        yield from _indexes(inner)
