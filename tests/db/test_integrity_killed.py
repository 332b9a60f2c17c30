"""0004_integrity on a populated database: killed at its boundaries, and the server stopped at them.

The next run ends in the catalogs of a run that nobody disturbed, and no row is lost.
"""

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema import catalog, check, db, migrate, revisions
from lmsschema.catalog import Catalog
from lmsschema.errors import LmsschemaError
from lmsschema.server import Server
from lmsschema.target import Target
from lmsschema.testing import binaries
from lmsschema.testing.databases import Databases
from tests.db import killing

FILL = Path(__file__).with_name("filled.sql").read_text("utf-8")

#: Every how many boundaries are looked at; LMSSCHEMA_TEST_KILL_EVERY=1 tries all.
EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "60"))


#: Where the server is stopped: a boundary of what is left then.
STOPS: tuple[tuple[int, killing.When], ...] = (
    (3, "before"),
    (5, "sent"),
    (25, "sent"),
    (30, "before"),
    (9, "sent"),
)


@pytest.fixture(scope="module")
def populated(lms_databases: Databases) -> Iterator[str]:
    """The name of a database at 0003_analytics with partitions and rows, to be copied."""
    name = lms_databases.create()
    fill(lms_databases.url(name))
    yield name
    lms_databases.drop(name)


@pytest.fixture
def copy(lms_databases: Databases, populated: str) -> Iterator[Callable[[], str]]:
    """Makes copies of the populated database; returns the URL of each."""
    names: list[str] = []

    def make() -> str:
        names.append(lms_databases.create(populated))
        return lms_databases.url(names[-1])

    yield make
    for name in names:
        lms_databases.drop(name)


def fill(url: str) -> None:
    database = db.connect(Target(url, "the test"))
    with contextlib.closing(database.conn):
        migrate.upgrade(database, "0003_analytics")
        database.conn.execute(FILL)


def finish(url: str) -> tuple[Catalog, dict[str, int]]:
    """Upgrade to the end; return the catalogs and the number of rows of each table."""
    database = db.connect(Target(url, "the test"))
    with contextlib.closing(database.conn):
        killing.upgrade(database)
        assert killing.current(database) == revisions.head()
        report = check.run(database)
        assert report.drift == ()
        assert report.unmanaged == ()
        return catalog.read(database.conn, database.schema), rows(database.conn)


def rows(conn: psycopg.Connection) -> dict[str, int]:
    tables = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind IN ('r', 'p') AND relname <> 'lmsschema_version'"
    ).fetchall()
    counts = {}
    for (table,) in tables:
        row = conn.execute(
            psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table))
        ).fetchone()
        counts[table] = row[0] if row else -1
    return counts


@pytest.fixture(scope="module")
def undisturbed(
    lms_databases: Databases, populated: str
) -> Iterator[tuple[Catalog, dict[str, int], list[str]]]:
    """What a run leaves that nobody disturbs, and the boundaries that it passes."""
    name = lms_databases.create(populated)
    with psycopg.connect(lms_databases.url(populated)) as conn:
        before = rows(conn)
    code, boundaries = killing.run(lms_databases.url(name), 0, "before")
    assert code == 0
    found, after = finish(lms_databases.url(name))
    assert after == before
    assert min(after[t] for t in after if not t.startswith("learning_events_")) > 0
    yield found, after, boundaries
    lms_databases.drop(name)


def test_killed_after_every_change_until_it_is_done(
    copy: Callable[[], str], undisturbed: tuple[Catalog, dict[str, int], list[str]]
) -> None:
    """Each run goes on from where the one before was killed, and is killed one change later."""
    url = copy()
    *expected, boundaries = undisturbed
    runs = 0
    while (done := killing.run(url, 1, "sent"))[0] != 0:
        assert done[0] == -9
        runs += 1
        assert runs <= len(boundaries) + 10
    # a build that the server went on with, its client killed, is a boundary less
    assert runs > len(boundaries) // 2
    assert list(finish(url)) == expected


def chosen(boundaries: list[str]) -> list[int]:
    """Return the numbers of the boundaries to be looked at: all, or one in nine and the ends."""
    numbers = range(1, len(boundaries) + 1)
    return [n for n in numbers if n % EVERY == 1 % EVERY or n == len(boundaries)]


@pytest.mark.parametrize("when", ["before", "sent"])
def test_killed_at_a_boundary(
    copy: Callable[[], str],
    undisturbed: tuple[Catalog, dict[str, int], list[str]],
    when: killing.When,
) -> None:
    *expected, boundaries = undisturbed
    for number in chosen(boundaries):
        url = copy()
        code, seen = killing.run(url, number, when)
        assert code == -9, (number, seen[-1:])
        assert list(finish(url)) == expected, (number, seen[-1:])


def test_the_server_is_stopped_at_once() -> None:
    """At several boundaries of one run: each time it is started again, the run begun anew."""
    home = Path(tempfile.mkdtemp(prefix="lmsschema-crash-"))
    home.chmod(0o711)
    server = Server(binaries.find(os.environ.get("LMSSCHEMA_TEST_VERSION", "18")), home / "pg")
    try:
        server.start()
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE crashed")
            conn.execute("CREATE DATABASE whole")
        for name in ("crashed", "whole"):
            fill(server.url(name))
        expected = finish(server.url("whole"))
        for number, when in STOPS:
            boundary = killing.Boundary(number, when)
            boundary.on_reached(functools.partial(server.stop, "immediate"))
            with (
                killing.relayed(server.url("crashed"), boundary) as through,
                pytest.raises((LmsschemaError, psycopg.Error)),
            ):
                killing.upgrade_url(through)
            assert len(boundary.seen) == number
            server.start()
        assert finish(server.url("crashed")) == expected
    finally:
        server.stop("immediate")
        shutil.rmtree(home)
