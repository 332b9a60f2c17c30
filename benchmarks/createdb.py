"""How long a fresh database takes: as a command, as a fixture, and in a suite of 200 tests.

Usage: pip install --group bench && python benchmarks/createdb.py [--version 18] [--rounds N]

Starts a throw-away embedded server; the peers take turns on it in the same run: PostgreSQL's own
`createdb -T`, plain `CREATE DATABASE … TEMPLATE`, and pytest-postgresql.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.createdb import templates
from lmsschema.createdb.content import Addition
from lmsschema.database.session import open_connection
from lmsschema.database.target import Target
from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, runs, servers
from lmsschema.testing.pool import Pool
from lmsschema.testing.preparation import Preparation
from lmsschema.testing.servers import RunningServer, ServerKind, Wish

BIN = Path(sys.executable).parent
TESTS = 200

RECORD = """
import json, pathlib
TIMES = []
def pytest_runtest_logreport(report):
    TIMES.append((report.when, report.duration))
def pytest_sessionfinish():
    pathlib.Path("times.json").write_text(json.dumps(TIMES))
"""

OURS = """
import psycopg, pytest

@pytest.fixture
def connection(lms_database_url):  # as pytest-postgresql does it, in the set-up
    with psycopg.connect(lms_database_url) as connection:
        yield connection

@pytest.mark.parametrize("number", range({count}))
def test_small(connection, number):
    connection.execute("INSERT INTO institutions (name, domain, education_level)"
                       " VALUES ('A', 'a.example', 'k12')")
    assert connection.execute("SELECT count(*) FROM institutions").fetchone() == (1,)
"""

THEIRS = """
from pathlib import Path

import pytest
from pytest_postgresql import factories

postgresql_noproc = factories.postgresql_noproc(
    host={host!r}, port={port}, user="postgres", load=[Path({script!r})])
postgresql = factories.postgresql("postgresql_noproc")

@pytest.mark.parametrize("number", range({count}))
def test_small(postgresql, number):
    postgresql.execute("INSERT INTO institutions (name, domain, education_level)"
                       " VALUES ('A', 'a.example', 'k12')")
    assert postgresql.execute("SELECT count(*) FROM institutions").fetchone() == (1,)
"""


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds that ``work`` takes."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def program(*command: object) -> None:
    argv = list(map(str, command))
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def line(what: str, ours: float, theirs: float, limit: float, peer: str) -> None:
    ratio = ours / theirs
    verdict = "ok" if ratio <= limit else "MISSED"
    print(f"{what:<44} {ours:8.1f} ms  {peer} {theirs:8.1f} ms  ratio {ratio:5.2f}"
          f"  (at most {limit:.2f}: {verdict})")  # fmt: skip


def template_of(url: str, addition: Addition | None = None) -> str:
    target = Target(url, "the benchmark")
    with closing(open_connection(target)) as conn:
        return templates.ensure(conn, target, addition=addition)[0]


@contextmanager
def application() -> Iterator[Preparation]:
    """Twenty tables of an application's own, with a thousand rows each."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "application.sql").write_text(
            "".join(
                f"CREATE TABLE own_{number} (id int PRIMARY KEY, user_id uuid REFERENCES users);"
                f"CREATE INDEX ON own_{number} (user_id);"
                f"INSERT INTO own_{number} SELECT generate_series(1, 1000);"
                for number in range(20)
            )
        )
        yield Preparation(("application.sql",), (), Path(name))


@contextmanager
def durable_server(version: str) -> Iterator[str]:
    """A server as it is installed: on disk, everything forced there; yields its URL."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        server = Server(binaries.find(version), Path(name))
        server.start()
        try:
            yield server.url("postgres")
        finally:
            server.remove()


def as_commands(url: str, what: str, version: str, rounds: int) -> None:
    """Compare whole processes; each drops what it made outside the measured time.

    Where the server's data lie in memory, its copy takes less than Python and the driver take to
    start: that part is measured beside it.
    """
    host = psycopg.conninfo.conninfo_to_dict(url)
    peer = [binaries.find(version) / "createdb", "-h", str(host["host"]), "-p", str(host["port"])]
    ours, theirs, start = [], [], []
    template = template_of(url)
    with psycopg.connect(url, autocommit=True) as conn:
        for _ in range(rounds):
            theirs.append(timed(lambda: program(*peer, "-U", "postgres", "-T", template, "bench")))
            conn.execute("DROP DATABASE bench")
            ours.append(
                timed(lambda: program(BIN / "lmsschema", "createdb", "bench", "--url", url))
            )
            conn.execute("DROP DATABASE bench")
            start.append(timed(lambda: program(sys.executable, "-c", "import psycopg")))
    line(f"lmsschema createdb, {what}", statistics.median(ours), statistics.median(theirs),
         3, "createdb -T")  # fmt: skip
    print(f"  of which python -c 'import psycopg' alone {statistics.median(start):.1f} ms")


def waits(server: RunningServer, template: str, size: int, rounds: int) -> float:
    """Return the milliseconds (median) that tests of 30 ms each wait for their databases."""
    pool = Pool(server.url, lambda: template, size)
    found = []
    with closing(pool):
        for _ in range(rounds):
            begun = time.perf_counter()
            name = pool.take()
            found.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.03)
            pool.give_back(name)
    return statistics.median(found)


def as_fixtures(server: RunningServer, template: str, rounds: int) -> None:
    """Compare what a test waits for, with a pool and without one, with the plain statement."""
    plain = []
    create = sql.SQL("CREATE DATABASE bench TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(server.url, autocommit=True) as conn:
        for _ in range(rounds):
            plain.append(timed(lambda: conn.execute(create)))
            conn.execute("DROP DATABASE bench")
    usual = statistics.median(plain)
    line("a fixture's database, no pool", waits(server, template, 0, rounds), usual, 1.2, "plain")
    line("a fixture's database, pool of 2", waits(server, template, 2, rounds), 15, 1, "limit")
    with application() as own:
        larger = template_of(server.url, own)
    line("the same, with 20 tables more", waits(server, larger, 2, rounds), 20, 1, "limit")


def as_suites(server: RunningServer) -> None:
    """Compare the set-up of 200 small tests, as pytest itself measures it."""
    host = psycopg.conninfo.conninfo_to_dict(server.url)
    setups = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "schema.sql"
        script.write_bytes(subprocess.check_output([BIN / "lmsschema", "ddl"]))
        (folder / "conftest.py").write_text(RECORD)
        theirs = THEIRS.format(
            host=str(host["host"]), port=int(str(host["port"])), script=str(script), count=TESTS
        )
        suites = {
            "pytest-postgresql": ("lmsschema", theirs, "2"),
            "lmsschema, pool of 2": ("postgresql", OURS.format(count=TESTS), "2"),
            "lmsschema, no pool": ("postgresql", OURS.format(count=TESTS), "0"),
        }
        for suite, (without, text, pool) in suites.items():
            (folder / "test_small.py").write_text(text)
            ini = ["-o", f"lms_pool={pool}"] if without == "postgresql" else []
            begun = time.perf_counter()
            subprocess.run(
                [BIN / "pytest", "-q", "-p", f"no:{without}", *ini],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
                env=os.environ | {"LMSSCHEMA_TEST_URL": server.url},
            )
            whole = time.perf_counter() - begun
            times = json.loads((folder / "times.json").read_text())
            phases = {
                phase: [1000 * seconds for when, seconds in times if when == phase]
                for phase in ("setup", "call", "teardown")
            }
            setups[suite] = statistics.mean(phases["setup"])
            means = ", ".join(f"{phase} {statistics.mean(ms):.1f}" for phase, ms in phases.items())
            median = statistics.median(phases["setup"])
            print(f"{suite:<22} {whole:6.1f} s for {TESTS} tests; mean ms a test: {means};"
                  f" median set-up {median:.1f}")  # fmt: skip
    ours, theirs = setups["lmsschema, pool of 2"], setups["pytest-postgresql"]
    line("set-up a test, lmsschema, pool of 2", ours, theirs, 1 / 3, "pytest-postgresql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default=binaries.NEWEST, choices=binaries.VERSIONS)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with runs.own(servers.stop) as run:
        server = servers.of(run, Wish(ServerKind.EMBEDDED, "", "", options.version))
        template = template_of(server.url)
        print(f"{server.origin}; {options.rounds} rounds, medians; load {os.getloadavg()[0]:.1f}")
        with durable_server(options.version) as url:
            as_commands(url, "a durable server", options.version, options.rounds)
        as_commands(server.url, "a server in memory", options.version, options.rounds)
        as_fixtures(server, template, options.rounds)
        as_suites(server)


if __name__ == "__main__":
    main()
