"""What the tests of the check share: the list of changes, pg_dump, a check in this process."""

import contextlib
import dataclasses
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import conninfo

from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target, parse
from lmsschema.drift import check
from lmsschema.drift.check import DriftReport
from lmsschema.drift.compare import Difference
from lmsschema.partitions import LEARNING_EVENTS, bound

LIST = Path(__file__).with_name("mutations.toml")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A change, and the difference that must be reported."""

    sql: str
    expect: list[str]
    strict: bool = False
    since: int = 15
    dumped: bool = True


MUTATIONS = [Mutation(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["mutation"]]


def placeholders(user: str) -> dict[str, str]:
    """Return what the names in braces of the list stand for."""
    month = LEARNING_EVENTS.start(datetime.now(UTC))
    following = LEARNING_EVENTS.step(month, 1)
    beyond = LEARNING_EVENTS.step(month, LEARNING_EVENTS.ahead + 1)
    return {
        "{month}": LEARNING_EVENTS.name(month),
        "{next}": LEARNING_EVENTS.name(following),
        "{next_from}": bound(following, "").strip("'"),
        "{next_middle}": bound(following.replace(day=15), "").strip("'"),
        "{beyond_from}": bound(beyond, "").strip("'"),
        "{beyond_to}": bound(LEARNING_EVENTS.step(beyond, 1), "").strip("'"),
        "{user}": user,
    }


def filled(text: str, url: str) -> str:
    """Return a text of the list with what the names in braces stand for in a database."""
    user = str(conninfo.conninfo_to_dict(url)["user"])
    for name, value in placeholders(user).items():
        text = text.replace(name, value)
    return text


@contextlib.contextmanager
def opened(url: str, schema: str | None = None) -> Iterator[Database]:
    """Open a database as a command does."""
    database = connect(Target(parse(url, "--url"), "--url", schema))
    with contextlib.closing(database.conn):
        yield database


def checked(url: str, schema: str | None = None) -> DriftReport:
    """Check a database."""
    with opened(url, schema) as database:
        return check.run(database)


def execute(url: str, statement: str) -> None:
    """Run statements in a transaction."""
    with psycopg.connect(url) as conn:
        conn.execute(statement.encode())


def what(difference: Difference) -> list[str]:
    """Return a difference as the list writes it."""
    return [*difference.identity, difference.attribute or difference.problem.value]


def server_version(url: str) -> int:
    """Return the major version of a database's server."""
    with psycopg.connect(url) as conn:
        return conn.info.server_version // 10000
