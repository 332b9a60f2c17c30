"""What the tests of ``lmsschema partitions`` share: an upgraded database, and the program."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from lmsschema.cli._run import run
from tests.support import events
from tests.support.clocked import Clocked, clocked
from tests.support.program import Outcome, Program

Partitions = Callable[..., Outcome]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def partitions(upgraded_url: str, capfd: pytest.CaptureFixture[str]) -> Partitions:
    """Run ``lmsschema partitions`` on the database: ``partitions("ensure", "-q")``."""

    def command(*arguments: str, url: str = upgraded_url) -> Outcome:
        capfd.readouterr()
        code = run(["partitions", *arguments, "--url", url])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err, captured.err
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture(scope="module")
def server() -> Iterator[Clocked]:
    with clocked() as made:
        yield made


@pytest.fixture
def fresh(server: Clocked, lmsschema: Program) -> Callable[[str], str]:
    """Set the server's clock, with nothing in the database; returns its URL."""

    def start(when: str) -> str:
        url = server.set(when)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        assert lmsschema("upgrade", "--url", url).code == 0
        with psycopg.connect(url, autocommit=True) as conn:
            events.people(conn)
        return url

    return start


@pytest.fixture
def unmoved(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """A default with rows of two months that lie apart: a heal in healing.SMALL moves them."""
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        events.drop(connection, events.name(0))
        events.insert(connection, events.month(0), 100)
        events.insert(connection, events.month(-7), 100)
        yield connection
