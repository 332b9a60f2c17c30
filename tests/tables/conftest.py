"""What the tests of grades share: a database at head, of which each test takes back its rows."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from lmsschema.testing.databases import Databases


@pytest.fixture(scope="module")
def graded_database(
    lms_template: str, lms_databases: Databases
) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to a database at head."""
    name = lms_databases.create(lms_template)
    with psycopg.connect(lms_databases.url(name), row_factory=dict_row) as conn:
        yield conn
    lms_databases.drop(name)


@pytest.fixture
def conn(
    graded_database: psycopg.Connection[DictRow],
) -> Iterator[psycopg.Connection[DictRow]]:
    """A transaction that is rolled back."""
    yield graded_database
    graded_database.rollback()
