"""An upgrade that is killed, or whose server dies, at any statement is finished by the next one."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from psycopg import sql

from lmsschema import catalog, db, drift
from lmsschema.catalog import Catalog
from lmsschema.server import Server
from lmsschema.target import Target
from lmsschema.testing import binaries, settings
from lmsschema.testing.databases import Databases
from tests.acceptance import killing, relay
from tests.acceptance.conftest import clean_environment

#: Every how many answers of the server a run is killed; LMSSCHEMA_TEST_KILL_EVERY=1 tries all.
EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "60"))
VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)


class Forker:
    """A process that runs the program as often as it is asked, each time in a fork."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self.pid = 0

    def run(self, *arguments: str) -> int:
        """Run the program and return its exit code, negative for a signal; ``pid`` is its own."""
        self._stdin.write(json.dumps(arguments) + "\n")
        self._stdin.flush()
        self.pid = int(json.loads(self._stdout.readline())["pid"])
        return int(json.loads(self._stdout.readline())["code"])


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with subprocess.Popen(
        [sys.executable, "-m", killing.__name__],
        env=clean_environment(),
        cwd=Path(__file__).parent.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Forker(process.stdin, process.stdout)
        process.stdin.close()


def read(url: str) -> Catalog:
    """Return the catalogs of a database's schema, the version it is at among them."""
    with psycopg.connect(url) as conn:
        return catalog.read(conn, "public")


def at(url: str) -> str | None:
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT version_num FROM lmsschema_version").fetchone()
    return None if row is None else str(row[0])


@pytest.fixture(scope="module")
def undisturbed(lms_databases: Databases, forker: Forker) -> Iterator[tuple[Catalog, int]]:
    """The catalogs of an undisturbed run, and how often the server answered in it."""
    name = lms_databases.create()
    url = lms_databases.url(name)
    answers = 0

    def count() -> None:
        nonlocal answers
        answers += 1

    with relayed(url, relay.Hooks(on_ready=count)) as through:
        assert forker.run("upgrade", "--url", through) == 0
    yield read(url), answers
    lms_databases.drop(name)


@contextlib.contextmanager
def relayed(url: str, hooks: relay.Hooks) -> Iterator[str]:
    """The connection string of a relay before the server of ``url``."""
    with psycopg.connect(url) as conn:
        address = relay.address_of(conn.info.host, conn.info.port)
    with relay.running(address, hooks) as port:
        yield relay.through(url, port)


def test_killed_at_any_statement(
    lms_databases: Databases, forker: Forker, undisturbed: tuple[Catalog, int]
) -> None:
    expected, answers = undisturbed
    assert answers > 200
    killed = 0
    for number in range(1, answers + 1, EVERY):
        name = lms_databases.create()
        url = lms_databases.url(name)
        left = number

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(forker.pid, signal.SIGKILL)

        with relayed(url, relay.Hooks(on_ready=count)) as through:
            code = forker.run("upgrade", "--url", through)
        assert code == -signal.SIGKILL or number == answers, f"killed at answer {number}: {code}"
        killed += code == -signal.SIGKILL
        assert forker.run("upgrade", "--url", url) == 0, f"killed at answer {number}"
        differences = drift.compare(expected, read(url))
        assert differences == [], f"killed at answer {number}"
        assert at(url) == at_head()
        lms_databases.drop(name)
    assert killed >= answers // EVERY


def at_head() -> str:
    from lmsschema import revisions

    return revisions.head()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server of the test's own, that forgets nothing when it is stopped at once."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-"))
    folder.chmod(0o711)
    durable = settings.SERVER | {"fsync": "on", "full_page_writes": "on"}
    server = Server(binaries.find(VERSION), folder / "server", durable)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


def test_server_stopped_at_any_statement(
    own_server: Server, forker: Forker, undisturbed: tuple[Catalog, int]
) -> None:
    expected, answers = undisturbed
    for number in range(5, answers, EVERY):
        database = f"stopped_{number}"
        with psycopg.connect(own_server.conninfo("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        left = number

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                own_server.stop("immediate")

        url = own_server.conninfo(database)
        with relayed(url, relay.Hooks(on_ready=count)) as through:
            code = forker.run("upgrade", "--url", through)
        assert code == 4, f"stopped at answer {number}: {code}"
        own_server.start()
        assert forker.run("upgrade", "--url", url) == 0, f"stopped at answer {number}"
        assert drift.compare(expected, read(url)) == [], f"stopped at answer {number}"


def test_no_lock_outlives_a_killed_run(lms_databases: Databases, forker: Forker) -> None:
    name = lms_databases.create()
    url = lms_databases.url(name)

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(forker.pid, signal.SIGKILL)

    with db.connect(Target(url, "the test")).conn as conn:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        held += " (SELECT oid FROM pg_database WHERE datname = current_database())"

        def kill_when_held() -> None:
            if conn.execute(held.encode()).fetchone() == (1,):
                kill()

        with relayed(url, relay.Hooks(on_ready=kill_when_held)) as through:
            assert forker.run("upgrade", "--url", through) == -signal.SIGKILL
    assert forker.run("upgrade", "--url", url, "--wait", "5") == 0
    lms_databases.drop(name)
