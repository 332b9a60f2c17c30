"""The partition manager against pg_partman and pg-partsmith: same server, same table, same work.

Usage, in a checkout that is installed --editable:
    pip install --group bench && python benchmarks/partitions.py [--rows N] [--rounds N]

Starts a throw-away PostgreSQL 15 (Debian's, with postgresql-15-partman) and prints, with the limits
that must hold: a run with nothing to do, as a whole process, with 12 and with 1,200 partitions; the
longest stall of an event's insert and of a user's update while twelve months are made; the time to
bring the rows of the default partition home.
"""

import argparse
import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.writers import SCRIPTS, Stalls, stalls
from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, settings
from tests.support import events

BIN = Path(sys.executable).parent
PROGRAM = (str(BIN / "lmsschema"), "partitions")

PARTSMITH = """
import sys
from sqlalchemy import create_engine
from pg_partsmith import PartitionGranularity, TablePartitionConfig
from pg_partsmith.sync import (
    PartitionLifecycleService, PartitionMaintainer, PostgresAdvisoryLockManager,
    PostgresMetadataProvider, PostgresPartitionRepository,
)
engine = create_engine(sys.argv[1].replace("postgresql:", "postgresql+psycopg:"))
config = TablePartitionConfig(
    schema="public", table_name="learning_events", partition_column="event_timestamp",
    granularity=PartitionGranularity.MONTH, create_ahead_count=int(sys.argv[2]),
    retention_count=10000,
)
service = PartitionLifecycleService(
    repo=PostgresPartitionRepository(engine), metadata=PostgresMetadataProvider(engine),
    locks=PostgresAdvisoryLockManager(engine),
)
result = PartitionMaintainer(service).run_maintenance_safe(config)
if result.issues:
    sys.exit(str(result.issues))
"""

PARTMAN = """
CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
SELECT partman.create_parent('public.learning_events', 'event_timestamp', 'native', 'monthly',
    p_premake := 1);
UPDATE partman.part_config SET infinite_time_partitions = true;
"""


#: What any program costs the writers of a machine with few processors.
BUSY = [
    sys.executable,
    "-c",
    "import time\nend = time.time() + 0.6\nwhile time.time() < end: pass",
]


class Bench:
    """A server with a template that holds the schema, and databases made from it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.number = 0
        self.failed = False
        self.run([str(BIN / "lmsschema"), "upgrade", "--url", server.url("postgres")])
        with self.connect("postgres") as conn:
            events.people(conn)
        self.admin = psycopg.connect(server.url("template1"), autocommit=True)

    @contextmanager
    def connect(self, name: str) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.server.url(name), autocommit=True) as conn:
            yield conn

    def database(self, template: str = "postgres", *, keep: bool = True) -> str:
        """Make a database like another one; without ``keep`` its table has no partition."""
        self.number += 1
        name = f"bench_{self.number}"
        self.admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        if not keep:
            with self.connect(name) as conn:
                events.drop(conn, *events.partitions(conn))
        return name

    def drop(self, *names: str) -> None:
        for name in names:
            self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def run(self, argv: list[str]) -> float:
        """Run a program that must succeed; returns the seconds that it took."""
        begin = time.perf_counter()
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, env=dict(os.environ)
        )
        taken = time.perf_counter() - begin
        if done.returncode:
            raise SystemExit(f"{argv}: {done.stderr}")
        return taken

    def ours(self, name: str, *arguments: str) -> float:
        return self.run([*PROGRAM, *arguments, "-q", "--url", self.server.url(name)])

    def partsmith(self, name: str, months: int) -> float:
        return self.run([sys.executable, "-c", PARTSMITH, self.server.url(name), str(months)])

    def limit(self, what: str, value: float, most: float) -> None:
        """Print a figure with its limit."""
        held = value <= most
        self.failed |= not held
        print(
            f"  {what}: {value:.2f} (limit {most:.2f}) {'ok' if held else 'NOT KEPT'}", flush=True
        )


def nothing_to_do(bench: Bench, rounds: int) -> None:
    """Compare runs that find everything made."""
    mine, many, theirs = bench.database(), bench.database(), bench.database(keep=False)
    bench.ours(mine, "ensure", "--ahead", "10")
    century = subprocess.run(
        [*PROGRAM, "create", "--dry-run", "--from", "1930-01", "--to", "2029-12",
         "--url", bench.server.url(many)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    with bench.connect(many) as conn:
        conn.execute(century.stdout.encode())
    bench.partsmith(theirs, 12)
    times: dict[str, list[float]] = {"ours": [], "ours, 1,200": [], "pg-partsmith": []}
    for _ in range(rounds):
        times["ours"].append(bench.ours(mine, "ensure"))
        times["ours, 1,200"].append(bench.ours(many, "ensure"))
        times["pg-partsmith"].append(bench.partsmith(theirs, 12))
    print("nothing to do, whole process, median of", rounds, flush=True)
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"  {name}: {value * 1000:.0f} ms")
    bench.limit("ours / pg-partsmith", median["ours"] / median["pg-partsmith"], 0.5)
    bench.limit("1,200 partitions / 12", median["ours, 1,200"] / median["ours"], 1.3)
    bench.drop(mine, many, theirs)


def twelve_months_under_load(bench: Bench, rounds: int) -> None:
    """Compare the longest stalls of writers while twelve months are made."""
    found: dict[str, list[Stalls]] = {}
    for _ in range(rounds):
        mine, smith, man = bench.database(), bench.database(keep=False), bench.database(keep=False)
        bench.partsmith(smith, 1)
        with bench.connect(smith) as conn:
            conn.execute("CREATE TABLE rest PARTITION OF learning_events DEFAULT")
        with bench.connect(man) as conn:
            conn.execute(PARTMAN)
            conn.execute("UPDATE partman.part_config SET premake = 13")

        def maintain(name: str = man) -> None:
            with bench.connect(name) as conn:
                conn.execute("CALL partman.run_maintenance_proc()")

        runs: dict[str, tuple[str, Callable[[], object]]] = {
            "nobody": (mine, lambda: None),
            "a busy process, no SQL": (mine, functools.partial(bench.run, BUSY)),
            "ours": (mine, functools.partial(bench.ours, mine, "ensure", "--ahead", "15")),
            "pg-partsmith": (smith, functools.partial(bench.partsmith, smith, 13)),
            "pg_partman": (man, maintain),
        }
        for who, (name, run) in runs.items():
            found.setdefault(who, []).append(
                stalls(binaries.find("15") / "pgbench", bench.server.url(name), run)
            )
        bench.drop(mine, smith, man)
    print("twelve months made under load, longest stall, median of", rounds)
    medians = {
        who: {kind: statistics.median(one.longest[kind] for one in runs) for kind in SCRIPTS}
        for who, runs in found.items()
    }
    for who, longest in medians.items():
        figures = ", ".join(f"{kind} {longest[kind] * 1000:.1f} ms" for kind in SCRIPTS)
        errors = [error for one in found[who] for error in one.errors]
        print(f"  {who}: {figures}, errors {len(errors)} {errors[:1]}")
    for kind in SCRIPTS:
        for peer in ("pg-partsmith", "pg_partman"):
            bench.limit(f"{kind}, ours / {peer}", medians["ours"][kind] / medians[peer][kind], 1.0)
    bench.limit("errors of our clients", sum(len(one.errors) for one in found["ours"]), 0)


def rows_brought_home(bench: Bench, rows: int) -> None:
    """Compare what it takes to bring rows of the default to their months."""
    filled = {"promotion": bench.database(), "a move": bench.database()}
    for how, name in filled.items():
        with bench.connect(name) as conn:
            events.drop(conn, *(set(events.partitions(conn)) - {"learning_events_default"}))
            months = [-4] if how == "promotion" else [-4, -8]
            if how != "promotion":  # a month that exists lies between
                bench.ours(name, "create", "--from", f"{events.month(-6):%Y-%m}",
                           "--to", f"{events.month(-6):%Y-%m}")  # fmt: skip
            for offset in months:
                events.insert(conn, events.month(offset), rows // len(months))
            conn.execute("VACUUM ANALYZE learning_events")
    for how, name in filled.items():
        mine, man = bench.database(name), bench.database(name)
        ours = bench.ours(mine, "heal")
        with bench.connect(mine) as conn:
            if events.count(conn) != rows or events.count(conn, "learning_events_default"):
                raise SystemExit("not all rows are at home")
        with bench.connect(man) as conn:
            conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
            conn.execute("ALTER TABLE learning_events_default RENAME TO old_default")
            events.drop(conn, *events.partitions(conn))
            conn.execute(PARTMAN)
            conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
            conn.execute("DROP TABLE learning_events_default")
            conn.execute("ALTER TABLE old_default RENAME TO learning_events_default")
            conn.execute(
                "ALTER TABLE learning_events ATTACH PARTITION learning_events_default DEFAULT"
            )
            begin = time.perf_counter()
            conn.execute(
                "CALL partman.partition_data_proc('public.learning_events', p_wait := 0,"
                " p_quiet := true)"
            )
            theirs = time.perf_counter() - begin
            if events.count(conn) != rows or events.count(conn, "learning_events_default"):
                raise SystemExit("pg_partman has not brought all rows home")
        print(f"{rows} rows of the default brought home, by {how}")
        print(f"  ours: {ours:.2f} s (whole process)\n  pg_partman: {theirs:.2f} s")
        bench.limit("ours / pg_partman", ours / theirs, 1 / 20 if how == "promotion" else 1)
        bench.drop(mine, man)
    bench.drop(*filled.values())


def main() -> int:
    """Measure; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-bench-"))
    folder.chmod(0o711)
    server = Server(
        binaries.find("15"),
        folder / "server",
        {**settings.SERVER, "max_locks_per_transaction": "2048", "max_wal_size": "4GB"},
    )
    server.start()
    try:
        bench = Bench(server)
        nothing_to_do(bench, options.rounds)
        twelve_months_under_load(bench, options.rounds)
        rows_brought_home(bench, options.rows)
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)
    return int(bench.failed)


if __name__ == "__main__":
    sys.exit(main())
