"""Fixtures of the tests of this room."""

from collections.abc import Iterator

import psycopg
import pytest

from lmsschema.database.connection import Database
from tests.support.doctors import Open


@pytest.fixture
def database(upgraded_url: str, opened: Open) -> Database:
    """A database at head, as the program opens it."""
    return opened(upgraded_url)


@pytest.fixture
def other(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """Another session, in autocommit mode."""
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        yield conn
