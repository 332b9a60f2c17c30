"""How long ``lmsschema upgrade`` takes, against Alembic's own command and psql on the same server.

Usage: python benchmarks/upgrade.py [--rounds N]

Starts a throw-away embedded server, measures every command as a whole process, the peers by turns
in the same rounds, and prints medians and ratios.
"""

import argparse
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

from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, settings

CHECKOUT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@contextmanager
def throw_away_server() -> Iterator[Server]:
    """A server in a folder of its own, tuned like that of the tests."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-bench-"))
    folder.chmod(0o711)
    server = Server(binaries.find(binaries.NEWEST), folder / "server", settings.SERVER)
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def seconds(argv: list[str], **env: str) -> float:
    """Run a process and return how long it took."""
    begin = time.perf_counter()
    subprocess.run(
        argv,
        cwd=CHECKOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")} | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begin


def compare(
    title: str, rounds: int, contestants: dict[str, Callable[[], float]], limits: dict[str, float]
) -> bool:
    """Run the contestants by turns; print the medians and the first one's ratio to each other."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            taken[name].append(run())
    medians = {name: statistics.median(values) for name, values in taken.items()}
    ours = next(iter(medians))
    print(f"\n{title} ({rounds} rounds, medians)")
    kept = True
    for name, median in medians.items():
        ratio = medians[ours] / median
        limit = limits.get(name)
        shown = "" if name == ours else f"  ratio {ratio:.2f}"
        if limit is not None:
            shown += f", at most {limit:g}: {'yes' if ratio <= limit else 'NO'}"
            kept &= ratio <= limit
        print(f"  {name:<28} {median * 1000:8.1f} ms{shown}")
    return kept


def main() -> int:
    """Run all comparisons; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with throw_away_server() as server:
        admin = psycopg.connect(server.conninfo("postgres"), autocommit=True)
        script = server.home.parent / "schema.sql"
        script.write_text(
            subprocess.run(
                [BIN / "lmsschema", "ddl"], check=True, capture_output=True, text=True
            ).stdout
        )
        psql = str(binaries.find(binaries.NEWEST) / "psql")

        def on_empty(argv: Callable[[str], list[str]]) -> Callable[[], float]:
            def run() -> float:
                admin.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
                admin.execute("CREATE DATABASE bench")
                return seconds(argv(server.url("bench")))

            return run

        def program(url: str) -> list[str]:
            return [str(BIN / "lmsschema"), "upgrade", "--url", url]

        def alembic(url: str) -> list[str]:
            return [str(BIN / "alembic"), "-x", f"url={url}", "upgrade", "head"]

        def script_by_psql(url: str) -> list[str]:
            return [psql, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(script), url]

        kept = compare(
            "upgrade of an empty database",
            rounds,
            {
                "lmsschema upgrade": on_empty(program),
                "alembic upgrade head": on_empty(alembic),
                "psql -1 -f (same DDL)": on_empty(script_by_psql),
            },
            {"alembic upgrade head": 1.1, "psql -1 -f (same DDL)": 8},
        )
        seconds(program(server.url("bench")))
        kept &= compare(
            "upgrade with nothing to do",
            rounds,
            {
                "lmsschema upgrade": lambda: seconds(program(server.url("bench"))),
                "alembic upgrade head": lambda: seconds(alembic(server.url("bench"))),
            },
            {"alembic upgrade head": 1},
        )
        admin.close()
    kept &= compare(
        "start-up",
        rounds * 5,
        {
            "lmsschema --help": lambda: seconds([str(BIN / "lmsschema"), "--help"]),
            "python -c pass": lambda: seconds([sys.executable, "-c", "pass"]),
        },
        {"python -c pass": 5},
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
