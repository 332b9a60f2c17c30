"""An upgrade that is killed, or whose server is stopped, at any statement: the next one ends it.

It ends in the catalogs of a run that nobody disturbed, and in the rows that were there. Tried on an
empty database, all revisions; and on a populated one, one after the other that is made of steps.

A run can be disturbed before each statement, and while it makes changes last: a COMMIT that was
sent, and not answered. LMSSCHEMA_TEST_KILL_EVERY says at every how many of these places it is; 1 is
all. Up to 53 it is disturbed wherever changes are made to last: between two of these places a kill
leaves what it leaves at the first of them, since the open transaction is rolled back. Numbers are
best prime: many transactions are of four statements, of which it would see one kind alone.

A run that is disturbed at its hundredth change need not begin with the first: it goes on from a
database that a run left which was killed a few changes before.
"""

import dataclasses
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lmsschema.database import catalog
from lmsschema.database.catalog import Catalog
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.drift import check, compare
from lmsschema.local_server.server import Server
from lmsschema.migration import revisions
from lmsschema.testing import binaries, settings
from tests.support import boundaries, forks, relay
from tests.support.boundaries import Boundary, Place
from tests.support.forks import Forker
from tests.support.program import clean_environment
from tests.support.upgrading import FILL, Contents, columns, contents

EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "211"))
VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)

#: Whether to disturb a run wherever it makes changes last.
WHEREVER_LASTING = EVERY <= 53

#: A test in so many parts, for several processes at once.
SHARDS = range(8 if WHEREVER_LASTING else 1)

#: How many changes that last each run of a chain makes before it is killed.
STRIDE = 1 if EVERY == 1 else 10

#: The revision at which the rows are put in.
FILLED = revisions.ids()[2]

#: Where the upgrades of a populated database end: after each revision that is made of steps; the
#: last one goes on to head.
OF_STEPS = [
    revision
    for revision in revisions.ids()[revisions.position(FILLED) :]
    if "steps.apply(" in revisions.source(revision)
]
ENDS = [*OF_STEPS[:-1], revisions.head()]

#: There is no place to measure locks on, which takes seconds: the revisions are what is tried.
UPGRADE = (
    *("upgrade", "--shadow-url", "postgresql://127.0.0.1:1/none"),
    *("--allow-hazard", "unmeasured", "--url"),
)

#: What a crash leaves must not depend on settings that only tests would choose.
CRASHING = settings.SERVER | {
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
}


@dataclasses.dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbs.

    Attributes:
        revision: The one to which it takes the database.
        catalogs: The catalogs that it leaves.
        contents: How many rows of each table it leaves, and a sum of their hashes.
        places: Where it can be disturbed.
        chain: Where changes are made to last, each few of them in a run that goes on from where the
            one before was killed.
        chained: The database that the last of these runs left.
    """

    revision: str
    catalogs: Catalog
    contents: Contents
    places: list[Place]
    chain: list[Place]
    chained: str

    def chosen(self, shard: int, of_lasting: int = 1) -> list[Place]:
        """Return the places of a part; which of many, depends on the server's version.

        Args:
            shard: Which part.
            of_lasting: Of the places at which changes are made to last, one in so many.
        """
        some = self.places[int(VERSION) % EVERY :: EVERY]
        if WHEREVER_LASTING and EVERY > 1:
            some += self.chain[::of_lasting]
        return some[shard :: len(SHARDS)]

    def expect(self, url: str, where: object) -> None:
        """Fail unless a database is as the undisturbed run left its own."""
        found = read(url)
        assert compare.compare(self.catalogs, found) == [], where
        assert found == self.catalogs, where
        assert contents(url) == self.contents, where


def read(url: str) -> Catalog:
    """Return the catalogs of a database's schema."""
    with psycopg.connect(url) as conn:
        return catalog.read(conn, "public")


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with forks.forker(clean_environment()) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of these tests' own, to be stopped at any time."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-", dir=settings.data_root()))
    folder.chmod(0o711)
    made = Server(binaries.find(VERSION), folder / "server", CRASHING)
    made.start()
    yield made
    made.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def populated(server: Server, forker: Forker) -> dict[str, str]:
    """The names of databases with rows in all tables, by where their upgrades end."""
    url = fresh(server, "template0")
    assert forker.run(*UPGRADE, url, FILLED) == 0
    with psycopg.connect(url) as conn:
        conn.execute(FILL.encode())
    rows = contents(url)
    assert min(rows[t][0] for t in rows if not t.startswith("learning_events_")) > 0
    names = {ENDS[0]: keep(server, FILLED)}
    for end, following in pairwise(ENDS):
        assert forker.run(*UPGRADE, fresh(server, names[end]), end) == 0
        names[following] = keep(server, end)
    return names


@pytest.fixture(scope="module", params=["empty", *ENDS])
def undisturbed(server: Server, forker: Forker, request: pytest.FixtureRequest) -> Undisturbed:
    template, revision = "template0", revisions.head()
    if request.param != "empty":
        revision = request.param
        template = request.getfixturevalue("populated")[revision]
    url = fresh(server, template)
    before, known = contents(url), columns(url)
    boundary = Boundary()
    with boundaries.relayed(url, boundary) as through:
        assert forker.run(*UPGRADE, through, revision) == 0
    after = contents(url)
    if before:
        assert before.pop("lmsschema_version") != after["lmsschema_version"]
        kept = contents(url, known)
        assert before == {table: kept[table] for table in before}
    if revision == revisions.head():
        database = connect(Target(url, "the test"))
        with database.conn:
            assert check.run(database).drift == ()
    changes = sum(statement.lasting for statement in boundary.seen)
    assert changes > 3
    assert len(boundary.seen) > 200
    catalogs, found = read(url), boundaries.places(template, boundary.seen)
    stride = min(STRIDE, changes // 2)
    chain = list(killed_again_and_again(server, forker, template, revision, stride))
    chained = keep(server, f"{request.param}_chained")
    return Undisturbed(revision, catalogs, after, found, chain, chained)


def killed_again_and_again(
    server: Server, forker: Forker, template: str, revision: str, stride: int
) -> Iterator[Place]:
    """Have each run go on from where the one before was killed, and be killed some changes later.

    Yields each change that they made to last, in the run that made it.
    """
    for _ in range(1000 // stride):
        url = fresh(server, template)
        boundary = Boundary(stride, "sent", forker.kill, lasting=True)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through, revision)
        for number in range(1, len(boundary.seen) + 1):
            yield Place(template, number, "sent", lasting=True)
        if code == 0:
            return
        assert code == -signal.SIGKILL
        template = keep(server, f"{template}_{stride}")
    pytest.fail("it comes to no end")


def keep(server: Server, name: str) -> str:
    """Give the upgraded database a name under which it is kept; returns that."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE upgraded RENAME TO {}").format(sql.Identifier(name)))
    return name


def fresh(server: Server, template: str) -> str:
    """Make the database anew that is to be upgraded; returns its URL."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS upgraded WITH (FORCE)")
        conn.execute(
            sql.SQL("CREATE DATABASE upgraded TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(template)
            )
        )
    return server.url("upgraded")


@pytest.mark.parametrize("shard", SHARDS)
def test_killed_at_any_statement(
    server: Server, forker: Forker, undisturbed: Undisturbed, shard: int
) -> None:
    for place in undisturbed.chosen(shard):
        url = fresh(server, place.template)
        boundary = Boundary(place.at, place.when, forker.kill, lasting=place.lasting)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through, undisturbed.revision)
        where = (place, boundary.seen[-1])
        assert (code, len(boundary.seen)) == (-signal.SIGKILL, place.at), where
        assert forker.run(*UPGRADE, url, undisturbed.revision) == 0, where
        undisturbed.expect(url, where)


@pytest.mark.parametrize("shard", SHARDS)
def test_server_stopped_at_any_statement(
    server: Server, forker: Forker, undisturbed: Undisturbed, shard: int
) -> None:
    def stop() -> None:
        server.stop("immediate")

    for place in undisturbed.chosen(shard, of_lasting=3):
        url = fresh(server, place.template)
        boundary = Boundary(place.at, place.when, stop, lasting=place.lasting)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through, undisturbed.revision)
        where = (place, boundary.seen[-1])
        assert (code, len(boundary.seen)) == (4, place.at), where
        server.start()
        assert forker.run(*UPGRADE, url, undisturbed.revision) == 0, where
        undisturbed.expect(url, where)


def test_killed_again_and_again_until_it_is_done(server: Server, undisturbed: Undisturbed) -> None:
    assert undisturbed.chain[-1].template != undisturbed.chain[0].template
    undisturbed.expect(server.url(undisturbed.chained), "the end")


def test_no_lock_outlives_a_killed_run(database_url: str, forker: Forker) -> None:
    with connect(Target(database_url, "the test")).conn as conn:
        address = relay.address_of(conn.info.host, conn.info.port)
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        held += " (SELECT oid FROM pg_database WHERE datname = current_database())"

        def kill_when_held() -> None:
            if conn.execute(held.encode()).fetchone() == (1,):
                forker.kill()

        with relay.running(address, relay.Hooks(on_ready=kill_when_held)) as port:
            code = forker.run("upgrade", "--url", relay.through(database_url, port))
        assert code == -signal.SIGKILL
    assert forker.run("upgrade", "--url", database_url, "--wait", "5") == 0
