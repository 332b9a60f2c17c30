"""Databases that are not UTF-8: what is sent to a server has to be there in every encoding."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import lmsschema as package
from lmsschema.migration import revisions, runner
from lmsschema.testing.databases import Databases
from tests.support.databases import Psql
from tests.support.program import Program

QUERIES = sorted((Path(package.__file__).parent / "sql").rglob("*.sql"))

#: A letter that is not ASCII, in encodings of servers; the second has the sign of the euro as well.
LETTERS = {"LATIN1": "\u00e9", "LATIN9": "\u20ac", "EUC_JP": "\u3042"}


@pytest.fixture
def make(lms_databases: Databases) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of an encoding; returns its URL."""
    names: list[str] = []

    def create(encoding: str) -> str:
        name = f"lmsschema_test_{encoding.lower()}"
        with psycopg.connect(lms_databases.url("postgres"), autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'").format(
                    sql.Identifier(name), sql.Literal(encoding)
                )
            )
        names.append(name)
        return lms_databases.url(name)

    yield create
    for name in names:
        lms_databases.drop(name)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_is_ascii(path: Path) -> None:
    assert path.read_text("utf-8").isascii()


def test_revisions_are_ascii() -> None:
    assert runner.offline(revisions.BASE, revisions.HEAD).isascii()


@pytest.mark.parametrize("encoding", LETTERS)
def test_the_commands_run(
    lmsschema: Program, psql: Psql, make: Callable[[str], str], encoding: str
) -> None:
    url = make(encoding)
    assert lmsschema("plan", "0001", "--url", url).code == 0
    assert lmsschema("upgrade", "--url", url).code == 0
    assert lmsschema("check", "--strict", "--url", url).code == 0
    with psycopg.connect(url, autocommit=True) as conn:
        letter = LETTERS[encoding]
        long = f"{'x' * 60} {letter} {'y' * 200}"
        conn.execute(
            sql.SQL(
                "ALTER TABLE users ALTER role SET DEFAULT 'ta';"
                "COMMENT ON TABLE users IS {}; CREATE INDEX {} ON users (last_active_at, email)"
            ).format(sql.Literal(long), sql.Identifier(letter))
        )
    found = lmsschema("check", "--url", url)
    assert found.code == 3
    assert f"index {letter} is not declared" in found.out
    psql(url, script=lmsschema("check", "--sql", "--url", url).out)
    assert lmsschema("check", "--url", url).code == 0
    psql(url, script="DROP TABLE lmsschema_version")
    assert lmsschema("adopt", "--url", url).code == 0
    assert lmsschema("doctor", "--url", url).code == 0
