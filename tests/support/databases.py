"""What the tests of the schema share: further databases, and PostgreSQL's own programs."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target
from lmsschema.testing import binaries
from lmsschema.testing.databases import Databases
from tests.support import checking

Psql = Callable[..., str]


@pytest.fixture
def new_url(lms_databases: Databases) -> Iterator[Callable[[], str]]:
    """Makes empty databases; returns the URL of each."""
    names: list[str] = []

    def create() -> str:
        names.append(lms_databases.create())
        return lms_databases.url(names[-1])

    yield create
    for name in names:
        lms_databases.drop(name)


@pytest.fixture
def opened() -> Iterator[Callable[..., Database]]:
    """Opens a database as the program does: ``opened(url, schema=None)``."""
    with contextlib.ExitStack() as ends:

        def open_database(url: str, schema: str | None = None) -> Database:
            database = connect(Target(url, "the test", schema))
            ends.enter_context(contextlib.closing(database.conn))
            return database

        yield open_database


@pytest.fixture
def psql() -> Psql:
    """Runs ``psql(url, script, *options)``, which stops at the first error; returns its stderr."""

    def run(url: str, script: str, *options: str) -> str:
        arguments = ("-qX", "-v", "ON_ERROR_STOP=1", *options, "-d", url)
        return client("psql", *arguments, stdin=script).stderr

    return run


@pytest.fixture
def dump() -> Callable[[str], str]:
    """Returns ``pg_dump --schema-only`` of a database, which lmsschema has no part in.

    It is the server's own pg_dump: that of a later major may write what the server keeps there
    for itself.
    """

    def run(url: str) -> str:
        version = str(checking.server_version(url))
        text = client("pg_dump", "--schema-only", "-d", url, version=version).stdout
        # newer releases write a random word into each dump
        return "\n".join(line for line in text.splitlines() if "restrict " not in line)

    return run


def client(
    program: str, *arguments: str, stdin: str = "", version: str = binaries.NEWEST
) -> subprocess.CompletedProcess[str]:
    """Run a client program of a PostgreSQL, the newest unless said otherwise."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    done = subprocess.run(
        [binaries.find(version) / program, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return done
