"""What the rollups cost: a first run, one with nothing new, and one over a day's events.

Usage, in a checkout that is installed --editable:
    python benchmarks/rollup.py [--events N] [--url URL]

Fills a database of a throw-away embedded server, or the empty one of --url, by ``lmsschema demo``.
Prints the processor time of client and server (of a local one), by stage and per million events; of
a run with nothing new, after its start-up, of which 50 ms are the limit; and of a run over the last
day's events of all those.
"""

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.integrity import throw_away_server
from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.locks.context import Context
from lmsschema.migration.upgrade import upgrade
from lmsschema.rollup import run

LIMIT = 0.05
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure, and print what was found; 1 if the limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--url")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        url = options.url
        if url is None:
            url = stack.enter_context(throw_away_server()).url("postgres")
        database = connect(Target(url, "the benchmark"))
        stack.enter_context(database.conn)
        upgrade(database)
        command = ("lmsschema", "demo", "--events", str(options.events), "--url", url)
        subprocess.run([sys.executable, "-m", *command], check=True)
        return measure(database, options.events)


def measure(database: Database, events: int) -> int:
    """Measure each kind of run; return 1 if that with nothing new takes too long."""
    conn = database.conn
    context = Context(database)
    print(f"PostgreSQL {database.version}, {events:,} events")
    with timed(conn, "first run", events):
        done = run.run(context)
    print(f"    {done.counts}")
    with timed(conn, "rebuild, of which nothing is written", events):
        run.rebuild(context)
    # events of the demo came when they happened: the last day of them comes once more
    since, day = last_day(conn)
    conn.execute("UPDATE rollup_state SET watermark = %s", [since])
    conn.execute("DELETE FROM learner_course_daily WHERE last_at > %s", [since])
    with timed(conn, f"the last day's {day:,} events", day):
        run.run(context)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        with timed(conn, "nothing new", 0):
            run.run(context)
        took.append(time.perf_counter() - began)
    best = min(took)
    print(
        f"a run with nothing new: {1000 * best:.0f} ms, of which {1000 * LIMIT:.0f} are the limit"
    )
    return int(best > LIMIT)


def last_day(conn: psycopg.Connection) -> tuple[datetime, int]:
    """Return when the last day of events begins, and how many they are."""
    [(newest,)] = conn.execute("SELECT max(server_timestamp) FROM learning_events").fetchall()
    since = newest - timedelta(days=1)
    count = "SELECT count(*) FROM learning_events WHERE server_timestamp > %s"
    [(events,)] = conn.execute(count, [since]).fetchall()
    return since, events


@contextlib.contextmanager
def timed(conn: psycopg.Connection, what: str, events: int) -> Iterator[None]:
    """Print the processor time of client and server, and the time that passed."""
    client, server, began = own(), backend(conn), time.perf_counter()
    yield
    passed = time.perf_counter() - began
    client, server = own() - client, backend(conn) - server
    each = f", {(client + server) * 1e6 / events:.1f} s a million events" if events else ""
    print(f"{what}: client {client:.2f} s, server {server:.2f} s, passed {passed:.2f} s{each}")


def own() -> float:
    """Return the processor time of this process, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def backend(conn: psycopg.Connection) -> float:
    """Return that of the connection's server process; 0 if it is not on this machine."""
    file = Path(f"/proc/{conn.info.backend_pid}/stat")
    if not file.exists():
        return 0.0
    fields = file.read_text("utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


if __name__ == "__main__":
    sys.exit(main())
