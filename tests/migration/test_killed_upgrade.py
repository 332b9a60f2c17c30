"""An upgrade that is killed, or whose server is stopped, at any statement: the next one ends it.

It ends in the catalogs of a run that nobody disturbed, and in the rows that were there. Tried on an
empty database, all revisions; and on a populated one, those that are made of steps.

A run can be disturbed before each statement, and while it makes changes last: a COMMIT that was
sent, and not answered. LMSSCHEMA_TEST_KILL_EVERY says at every how many of these places it is; 1 is
all. Up to 53 it is disturbed wherever changes are made to last: between two of these places a kill
leaves what it leaves at the first of them, since the open transaction is rolled back. Numbers are
best prime: many transactions are of four statements, of which it would see one kind alone.
"""

import dataclasses
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
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
from lmsschema.testing import binaries, settings
from tests.support import boundaries, forks, relay
from tests.support.boundaries import Boundary, Statement, When
from tests.support.forks import Forker
from tests.support.program import clean_environment
from tests.support.upgrading import FILL, Contents, contents

EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "211"))
VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)

#: Whether to disturb a run wherever it makes changes last.
WHEREVER_LASTING = EVERY <= 53

#: A test in so many parts, for several processes at once.
SHARDS = range(8 if WHEREVER_LASTING else 1)

#: How many changes that last each run of a chain makes before it is killed.
STRIDE = 1 if EVERY == 1 else 10

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
        template: The database to copy for each run.
        catalogs: The catalogs that it leaves.
        contents: How many rows of each table it leaves, and a sum of their hashes.
        places: Where a run can be disturbed.
    """

    template: str
    catalogs: Catalog
    contents: Contents
    places: list[tuple[int, When]]

    def chosen(self, shard: int, of_lasting: int = 1) -> list[tuple[int, When]]:
        """Return the places of a part; which of many, depends on the server's version.

        Args:
            shard: Which part.
            of_lasting: Of the places at which changes are made to last, one in so many.
        """
        some = self.places[int(VERSION) % EVERY :: EVERY]
        if WHEREVER_LASTING:
            lasting = [one for one in self.places if one[1] == "sent"]
            some += [one for one in lasting[::of_lasting] if one not in some]
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


@pytest.fixture(scope="module", params=["empty", "populated"])
def undisturbed(server: Server, forker: Forker, request: pytest.FixtureRequest) -> Undisturbed:
    template = "template0"
    if request.param == "populated":
        template = "populated"
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute("CREATE DATABASE populated")
        fill(forker, server.url("populated"))
    url = fresh(server, template)
    before = contents(url)
    boundary = Boundary()
    with boundaries.relayed(url, boundary) as through:
        assert forker.run(*UPGRADE, through) == 0
    after = contents(url)
    if before:
        assert before.pop("lmsschema_version") != after["lmsschema_version"]
        assert before == {table: after[table] for table in before}
        assert min(after[t][0] for t in after if not t.startswith("learning_events_")) > 0
    database = connect(Target(url, "the test"))
    with database.conn:
        assert check.run(database).drift == ()
    return Undisturbed(template, read(url), after, places(boundary.seen))


def fill(forker: Forker, url: str) -> None:
    """Bring a database to the revision before 0004_integrity, and put rows into all tables."""
    assert forker.run("upgrade", "0003", "--url", url) == 0
    with psycopg.connect(url) as conn:
        conn.execute(FILL.encode())


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


def places(seen: list[Statement]) -> list[tuple[int, When]]:
    """Return the boundaries before each statement, and those while it makes changes last."""
    assert len(seen) > 200
    assert sum(statement.lasting for statement in seen) > 3
    found: list[tuple[int, When]] = []
    for number, statement in enumerate(seen, start=1):
        found.append((number, "before"))
        if statement.lasting:
            found.append((number, "sent"))
    return found


@pytest.mark.parametrize("shard", SHARDS)
def test_killed_at_any_statement(
    server: Server, forker: Forker, undisturbed: Undisturbed, shard: int
) -> None:
    for at, when in undisturbed.chosen(shard):
        url = fresh(server, undisturbed.template)
        boundary = Boundary(at, when, forker.kill)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through)
        where = (at, when, boundary.seen[-1])
        assert (code, len(boundary.seen)) == (-signal.SIGKILL, at), where
        assert forker.run(*UPGRADE, url) == 0, where
        undisturbed.expect(url, where)


@pytest.mark.parametrize("shard", SHARDS)
def test_server_stopped_at_any_statement(
    server: Server, forker: Forker, undisturbed: Undisturbed, shard: int
) -> None:
    for at, when in undisturbed.chosen(shard, of_lasting=3):
        url = fresh(server, undisturbed.template)
        boundary = Boundary(at, when, lambda: server.stop("immediate"))
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through)
        where = (at, when, boundary.seen[-1])
        assert (code, len(boundary.seen)) == (4, at), where
        server.start()
        assert forker.run(*UPGRADE, url) == 0, where
        undisturbed.expect(url, where)


def test_killed_again_and_again_until_it_is_done(
    server: Server, forker: Forker, undisturbed: Undisturbed
) -> None:
    """Each run goes on from where the one before was killed, and is killed some changes later."""
    url = fresh(server, undisturbed.template)
    changes = sum(when == "sent" for _, when in undisturbed.places)
    code = -1
    for _ in range(changes + 10):
        boundary = Boundary(min(STRIDE, changes // 2), "sent", forker.kill, lasting=True)
        with boundaries.relayed(url, boundary) as through:
            code = forker.run(*UPGRADE, through)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert code == 0
    undisturbed.expect(url, "the end")


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
