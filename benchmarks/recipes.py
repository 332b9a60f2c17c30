"""The recipes of docs/workload.md, measured: one function each, on a database of synthetic data."""

import contextlib
import statistics
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.statements import busy, connected, processor_time
from benchmarks.switch import switch
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.locks.context import Context
from lmsschema.partition_manager import ensure
from lmsschema.partitions import LEARNING_EVENTS, Range, plan_range

Values = dict[str, Any] | None


def _run(
    conn: psycopg.Connection,
    text: str,
    values: Values = None,
    rounds: int = 1,
    *,
    prepare: bool = False,
) -> float:
    """Run a statement some times; return the backend's milliseconds of processor time for one."""
    cursor = conn.cursor() if prepare else psycopg.ClientCursor(conn)
    for _ in range(2):  # what a first run reads of the catalogs is not what is measured
        cursor.execute(text.encode(), values, prepare=prepare)
    begin = processor_time(conn)
    for _ in range(rounds):
        cursor.execute(text.encode(), values, prepare=prepare)
    return 1000 * (processor_time(conn) - begin) / rounds


def _buffers(conn: psycopg.Connection, text: str, values: Values = None) -> int:
    """Return the pages that a statement looks at."""
    row = (
        psycopg.ClientCursor(conn)
        .execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + text.encode(), values)
        .fetchone()
    )
    plan = row[0][0]["Plan"] if row else {}
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


TIMELINE = (
    "SELECT * FROM learning_events WHERE user_id = %(user_id)s{}"
    " ORDER BY event_timestamp DESC LIMIT 50"
)

QUERIES = {
    "both bounds as values": TIMELINE.format(
        " AND event_timestamp >= %(since)s AND event_timestamp < %(until)s"
    ),
    ">= now() - interval '7 days'": TIMELINE.format(
        " AND event_timestamp >= now() - interval '7 days'"
    ),
    "both bounds by now()": TIMELINE.format(
        " AND event_timestamp >= now() - interval '7 days' AND event_timestamp < now()"
    ),
    "no bound": TIMELINE.format(""),
    "by id alone": "SELECT * FROM learning_events WHERE id = %(session_id)s",
    "by id and time": "SELECT * FROM learning_events"
    " WHERE id = %(session_id)s AND event_timestamp = %(since)s",
}


def _months(url: str, end: datetime, count: int) -> int:
    """Make partitions of so many months before the end; return how many the table has."""
    database = connect(Target(url, "benchmark"))
    policy = LEARNING_EVENTS
    wanted = Range(policy.step(policy.start(end), -count), policy.start(end))
    with contextlib.closing(database.conn) as conn:
        ensure.make(
            Context(database), policy, lambda state: plan_range(policy, state.partitions, wanted)
        )
        row = conn.execute(
            "SELECT count(*) FROM pg_partition_tree('learning_events') WHERE isleaf"
        ).fetchone()
    return int(row[0]) if row else 0


def planning(url: str, end: datetime) -> None:
    """Print what a query costs by the number of partitions, ad hoc and prepared."""
    print("\nplanning: CPU ms of a query, ad hoc and prepared; MB of a backend's memory after all")
    for months in (12, 60, 240):
        count = _months(url, end, months)
        print(f"{count} partitions")
        with connected(url) as conn:
            (given,) = busy(conn, end)[:1]
            values = {**given, "since": end - timedelta(days=7), "until": end}
            for name, text in QUERIES.items():
                adhoc = _run(conn, text, values, 40)
                conn.execute("SET plan_cache_mode TO force_generic_plan")
                prepared = _run(conn, text, values, 40, prepare=True)
                conn.execute("RESET plan_cache_mode")
                print(f"  {name:30s} {adhoc:8.2f} {prepared:8.2f}", flush=True)
            row = conn.execute(
                "SELECT round(sum(total_bytes) / 1e6, 1) FROM pg_backend_memory_contexts"
            ).fetchone()
            print(f"  {'memory':30s} {row[0] if row else 0:8} MB")


@contextlib.contextmanager
def _month(conn: psycopg.Connection) -> Iterator[str]:
    """Copy the busiest month, in its order; yields the copy's name."""
    row = conn.execute(
        "SELECT relid::regclass::text FROM pg_partition_tree('learning_events')"
        " WHERE isleaf ORDER BY pg_relation_size(relid) DESC LIMIT 1"
    ).fetchone()
    source = sql.Identifier(str(row[0]) if row else "learning_events")
    conn.execute("DROP TABLE IF EXISTS copied")
    conn.execute(
        sql.SQL("CREATE TABLE copied AS SELECT * FROM {} ORDER BY event_timestamp").format(source)
    )
    conn.execute("ANALYZE copied")
    conn.execute("SET max_parallel_workers_per_gather TO 0")
    print(f"one month, {source.as_string()}, {_size(conn, 'copied')} MB", flush=True)
    yield "copied"
    conn.execute("DROP TABLE copied")


def _size(conn: psycopg.Connection, name: str) -> str:
    row = conn.execute("SELECT pg_relation_size(%s::regclass) / 1e6", [name]).fetchone()
    return f"{row[0] if row else 0:.1f}"


def _inserting(conn: psycopg.Connection) -> float:
    """Return the microseconds of processor time that a copied row takes to insert."""
    count = 20_000
    text = f"INSERT INTO copied SELECT * FROM (SELECT * FROM copied LIMIT {count}) AS rows"  # noqa: S608
    with conn.transaction(force_rollback=True):
        begin = processor_time(conn)
        conn.execute(text.encode())
        return 1e6 * (processor_time(conn) - begin) / count


CONTAINS = 'SELECT count(*) FROM copied WHERE event_data @> \'{"attempt": 3, "score": {"raw": 9}}\''
EQUALS = (
    "SELECT count(*) FROM copied WHERE (event_data -> 'score' ->> 'raw')::integer = 9"
    " AND event_category = 'assessment'"
)
ASSESSED = " AND event_category = 'assessment'"

JSONB = {
    "none": "",
    "gin (event_data)": "USING gin (event_data)",
    "gin (event_data jsonb_path_ops)": "USING gin (event_data jsonb_path_ops)",
    "the same WHERE category = assessment": "USING gin (event_data jsonb_path_ops)"
    " WHERE event_category = 'assessment'",
    "B-tree on one key, same WHERE": "(((event_data -> 'score' ->> 'raw')::integer))"
    " WHERE event_category = 'assessment'",
}


def jsonb(url: str, _: datetime) -> None:
    """Print what indexes on JSON cost, and what they save."""
    print("\njsonb: size MB, CPU us an inserted row; CPU ms and buffers of @>, of one key = value")
    with connected(url) as conn, _month(conn):
        for name, definition in JSONB.items():
            if definition:
                conn.execute(f"CREATE INDEX tried ON copied {definition}".encode())
                conn.execute("VACUUM (ANALYZE) copied")
            size = _size(conn, "tried") if definition else "0"
            print(f"  {name:38s} {size:>7s} {_inserting(conn):7.1f}", end="")
            for text in (CONTAINS + ASSESSED, EQUALS):
                print(f" {_run(conn, text, None, 3):9.2f} {_buffers(conn, text):8d}", end="")
            print(flush=True)
            conn.execute("DROP INDEX IF EXISTS tried")


WEEK = """
    SELECT date_trunc('day', event_timestamp), event_type, count(*), count(DISTINCT user_id)
    FROM copied
    WHERE course_id = %(course_id)s AND event_timestamp >= %(since)s AND event_timestamp < %(until)s
    GROUP BY 1, 2
"""
DAY = """
    SELECT course_id, user_id, count(*) FROM copied
    WHERE event_timestamp >= %(since)s AND event_timestamp < %(until)s
    GROUP BY 1, 2
"""

INCLUDE = "(course_id, event_timestamp DESC) INCLUDE (user_id, event_type)"
COVERING = {
    "covering, not vacuumed yet": INCLUDE,
    "covering: INCLUDE (user_id, event_type)": INCLUDE,
    "(course_id, event_timestamp DESC)": "(course_id, event_timestamp DESC)",
    "BRIN (event_timestamp), minmax_multi": "USING brin (event_timestamp"
    " timestamptz_minmax_multi_ops) WITH (pages_per_range = 32)",
    "B-tree (event_timestamp)": "(event_timestamp)",
    "none": "",
}


def covering(url: str, end: datetime) -> None:
    """Print what the covering index of a course's events, and BRIN, cost and save."""
    print(
        "\ncovering: size MB; CPU ms and buffers of a course's week, a day; CPU us an inserted row"
    )
    with connected(url) as conn, _month(conn):
        row = conn.execute("SELECT min(event_timestamp) FROM copied").fetchone()
        since = row[0] + timedelta(days=10) if row else end
        courses = conn.execute(
            "SELECT course_id FROM copied GROUP BY 1 ORDER BY count(*) DESC LIMIT 10"
        ).fetchall()
        for name, definition in COVERING.items():
            if definition:
                conn.execute(f"CREATE INDEX tried ON copied {definition}".encode())
                conn.execute(b"ANALYZE copied" if "not" in name else b"VACUUM (ANALYZE) copied")
            size = _size(conn, "tried") if definition else "0"
            print(f"  {name:40s} {size:>7s}", end="")
            for text, days in ((WEEK, 7), (DAY, 1)):
                given = [
                    {"course_id": c, "since": since, "until": since + timedelta(days=days)}
                    for (c,) in courses
                ]
                cpu = statistics.median(_run(conn, text, one, 2) for one in given)
                pages = statistics.median(_buffers(conn, text, one) for one in given)
                print(f" {cpu:9.2f} {pages:8.0f}", end="")
            # last: what it inserts, and takes back, leaves pages that are not all visible
            print(f" {_inserting(conn):7.1f}", flush=True)
            conn.execute("DROP INDEX IF EXISTS tried")


RECIPES: dict[str, Callable[[str, datetime], None]] = {
    "jsonb": jsonb,
    "covering": covering,
    "switch": switch,
    "planning": planning,  # last: it makes partitions
}
