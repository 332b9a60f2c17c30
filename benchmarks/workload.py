"""What the statements of an LMS cost, with the index profiles faithful and lean.

Usage, in a checkout that is installed --editable, on Linux:
    python benchmarks/workload.py [--events N] [--seed S] [--rounds N] [--svg FILE]
    python benchmarks/workload.py [--events N] [--statements] [--jsonb] [--covering] [--switch]
        [--planning]

Starts a throw-away embedded server, fills a database by ``lmsschema demo``, copies it, and gives
the copy the profile lean. Runs each statement of ``lmsschema/workload.py`` on both by turns, with
parameters from the last 75 days: so from the busy end. Prints for each the time that a client
waits (p50, p99), the backend's processor time, the buffers that it looks at, its WAL, and the part
of its updates that are HOT.

On a busy machine times are noise; buffers, HOT, WAL and, nearly, processor time are not. So that
they repeat, autovacuum is off, and full pages are not written to the WAL; all tables were vacuumed,
and those that are updated were rewritten, with each profile's own fillfactor.

The options measure one recipe of docs/workload.md each (benchmarks/recipes.py).
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import plot, recipes
from benchmarks.integrity import throw_away_server
from benchmarks.statements import Cost, busy, connected, measure
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.demo.fill import TABLES, fill
from lmsschema.demo.shape import Shape
from lmsschema.locks.context import Context
from lmsschema.migration.profile_change import change
from lmsschema.migration.upgrade import upgrade
from lmsschema.workload import statements

PROFILES = ("faithful", "lean")

SETTINGS = {
    "shared_buffers": "1GB",
    "autovacuum": "off",
    "full_page_writes": "off",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "256MB",
}

#: What lean may cost: a statement's buffers beside faithful's, where it is more than some pages.
MOST, SOME = 1.3, 5
HEARTBEAT, HOT, INSERT = 12, 0.99, 0.7

#: Statements that may cost more with lean, each with the reason.
EXCUSED = {
    "session_events": "the planner asks BRIN too",
    "learner_in_course": "no index of user and course",
}


def make(url: str, shape: Shape) -> float:
    """Fill a database; return the events a second."""
    database = connect(Target(url, "benchmark"))
    with contextlib.closing(database.conn):
        upgrade(database)
        begin = time.perf_counter()
        fill(Context(database), shape, workers=2)
        return shape.events / (time.perf_counter() - begin)


def settle(url: str) -> None:
    """Rewrite what is updated, by its fillfactor, and vacuum all."""
    with psycopg.connect(url, autocommit=True) as conn:
        for table in TABLES:
            how = (
                "VACUUM (ANALYZE) {}" if table == "learning_events" else "VACUUM (FULL, ANALYZE) {}"
            )
            conn.execute(sql.SQL(how).format(sql.Identifier(table)))
        conn.execute("VACUUM")  # a rewritten table has no visibility map
        conn.execute("CHECKPOINT")


def sizes(url: str) -> dict[str, int]:
    """Return the bytes of the events' indexes and of all indexes."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "SELECT sum(pg_indexes_size(c.oid)) FILTER (WHERE c.relname LIKE 'learning_events%'),"
            " sum(pg_indexes_size(c.oid)) FROM pg_class AS c"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        ).fetchone() or (0, 0)
    return {"events' indexes": int(row[0] or 0), "all indexes": int(row[1] or 0)}


def compare(urls: Mapping[str, str], end: datetime, rounds: int) -> dict[str, dict[str, Cost]]:
    """Measure each statement with both profiles; print a line for each."""
    head = ("p50 ms", "p99 ms", "CPU ms", "buffers", "WAL B", "HOT")
    print(f"\n{'statement':26s}" + "".join(f"{name:>20s}" for name in head))
    found: dict[str, dict[str, Cost]] = {}
    with contextlib.ExitStack() as stack:
        conns = {name: stack.enter_context(connected(url)) for name, url in urls.items()}
        rows = busy(conns["faithful"], end)
        for statement in statements().values():
            if statement.name == "delete_institution":
                continue  # a third of all rows
            costs = {n: measure(c, statement, rows, end, rounds) for n, c in conns.items()}
            found[statement.name] = costs
            print(_line(statement.name, *costs.values()), flush=True)
    return found


def _line(name: str, one: Cost, other: Cost) -> str:
    def cell(form: str, first: float | None, second: float | None) -> str:
        if first is None or second is None:
            return f"{'':>20s}"
        return f"{format(first, form) + ' > ' + format(second, form):>20s}"

    return f"{name:26s}" + "".join(
        cell(form, getattr(one, key), getattr(other, key))
        for key, form in (
            *(("p50", ".2f"), ("p99", ".1f"), ("cpu", ".3f")),
            *(("buffers", ".0f"), ("wal", ".0f"), ("hot", ".3f")),
        )
    )


def bars(found: Mapping[str, Mapping[str, Cost]]) -> bool:
    """Print whether lean is what it is meant to be."""
    kept = True

    def bar(what: str, value: float, *, ok: bool) -> None:
        nonlocal kept
        kept &= ok
        print(f"{what:60s} {value:8.3f}  {'yes' if ok else 'NO'}")

    print("\nbars")
    heartbeat = found["heartbeat"]["lean"]
    bar(
        f"lean: buffers of a heartbeat, at most {HEARTBEAT}",
        heartbeat.buffers,
        ok=heartbeat.buffers <= HEARTBEAT,
    )
    hot = heartbeat.hot or 0
    bar(f"lean: HOT heartbeats, at least {HOT}", hot, ok=hot >= HOT)
    insert = found["event_batch"]
    share = insert["lean"].cpu / insert["faithful"].cpu
    bar(
        f"lean: CPU of an inserted event by faithful's, at most {INSERT}", share, ok=share <= INSERT
    )
    for name, costs in found.items():
        one, other = costs["faithful"].buffers, costs["lean"].buffers
        if other <= MOST * one or other <= one + SOME:
            continue
        why = EXCUSED.get(name)
        bar(
            f"{name}: buffers by faithful's, at most {MOST}" + (f" ({why})" if why else ""),
            other / one,
            ok=why is not None,
        )
    return kept


def both(urls: Mapping[str, str], end: datetime, rounds: int) -> dict[str, dict[str, Cost]]:
    """Give the copy its profile, and measure the statements on both."""
    database = connect(Target(urls["lean"], "benchmark"))
    with contextlib.closing(database.conn):
        begin = time.perf_counter()
        done = change(database, "lean")
        seconds = time.perf_counter() - begin
    print(f"faithful -> lean: {len(done.steps)} steps, {seconds:.1f} s")
    for url in urls.values():
        settle(url)
    for what, size in sizes(urls["faithful"]).items():
        print(f"{what}: {size / 1e6:.0f} > {sizes(urls['lean'])[what] / 1e6:.0f} MB")
    return compare(urls, end, rounds)


def draw(file: Path, events: int, found: Mapping[str, Mapping[str, Cost]]) -> None:
    """Write the plot of the buffers."""
    pairs = {
        name: [costs[profile].buffers for profile in PROFILES]
        for name, costs in found.items()
        if not name.startswith("delete")  # EXPLAIN does not count what cascades
    }
    plot.bars(file, f"Buffers of a statement, {events} events (logarithmic)", PROFILES, pairs)


def main() -> int:
    """Measure; 1 if lean is not what it is meant to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--svg", type=Path, help="write the plot of the buffers into this file")
    for name in ("statements", *recipes.RECIPES):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    end = date.fromisoformat(f"{datetime.now(UTC):%Y-%m-%d}")
    shape = Shape(options.events, options.seed, end, 3)
    with throw_away_server(**SETTINGS) as server:
        urls = {profile: server.url(profile) for profile in PROFILES}
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            print(admin.execute("SELECT version()").fetchone()[0])  # type: ignore[index]
            admin.execute("CREATE DATABASE faithful")
            rate = make(urls["faithful"], shape)
            print(f"{shape.events} events, seed {shape.seed}, until {end}: {rate:.0f} a second")
            admin.execute("CREATE DATABASE lean TEMPLATE faithful")
        chosen = [name for name in recipes.RECIPES if getattr(options, name)]
        kept = True
        if options.statements or not chosen:
            found = both(urls, shape.end, options.rounds)
            kept = bars(found)
            if options.svg:
                draw(options.svg, shape.events, found)
        for name in chosen:
            recipes.RECIPES[name](urls["faithful"], shape.end)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
