"""One database for the tests of a file: each begins where nothing was loaded."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.testing.databases import Databases
from tests.support import loading
from tests.support.program import Outcome, Program

Load = Callable[..., Outcome]


@pytest.fixture(scope="module")
def loaded_url(lms_databases: Databases, lms_template: str) -> Iterator[str]:
    """The URL of a database at head that has the institution."""
    name = lms_databases.create(lms_template)
    url = lms_databases.url(name)
    with psycopg.connect(url) as conn:
        loading.institution(conn)
    yield url
    lms_databases.drop(name)


@pytest.fixture
def conn(loaded_url: str) -> Iterator[psycopg.Connection]:
    """A connection to that database, where nothing is loaded."""
    with psycopg.connect(loaded_url, autocommit=True) as connection:
        loading.clear(connection)
        yield connection


@pytest.fixture
def load(lmsschema: Program, loaded_url: str) -> Load:
    """Runs ``load("xapi", path, ...)``: ``lmsschema load`` for the institution."""

    def run(command: str, *arguments: str | Path) -> Outcome:
        where = ("--url", loaded_url, "--institution", loading.DOMAIN, "--json")
        return lmsschema("load", command, *map(str, arguments), *where)

    return run
