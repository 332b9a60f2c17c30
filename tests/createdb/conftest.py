"""Fixtures of the tests of this room."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from lmsschema.testing.servers import RunningServer
from tests.support.created import Names, comment, drop, ours, quoted


@pytest.fixture
def admin(lms_server: RunningServer) -> Iterator[psycopg.Connection]:
    """A connection to the server's maintenance database; drops the templates that a test left."""
    with psycopg.connect(lms_server.url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def names(admin: psycopg.Connection) -> Iterator[Names]:
    """Makes names for databases, schemas and roles; afterwards there are no such any more."""
    made: list[str] = []

    def make() -> str:
        made.append(f"Campus {uuid.uuid4().hex[:12]}")
        return made[-1]

    yield make
    for name in made:
        drop(admin, name)
    for name in ours(admin):
        if any(one in comment(admin, name) for one in made):
            admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(quoted(name)))
            drop(admin, name)
    for name in made:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(quoted(name)))
