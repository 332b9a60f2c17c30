"""One database for the tests of a file: those in a transaction take back their rows."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lmsschema.testing.databases import Databases


@pytest.fixture(scope="module")
def rollup_url(lms_databases: Databases, lms_template: str) -> Iterator[str]:
    """The URL of a database at head."""
    name = lms_databases.create(lms_template)
    yield lms_databases.url(name)
    lms_databases.drop(name)


@pytest.fixture
def conn(rollup_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that is rolled back; the partitions of all of 2019 are there."""
    with psycopg.connect(rollup_url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for month in range(1, 11):
            connection.execute(
                f"CREATE TABLE learning_events_2019_{month:02} PARTITION OF learning_events"
                f" FOR VALUES FROM ('2019-{month:02}-01Z') TO ('2019-{month + 1:02}-01Z')"
            )
        yield connection
        connection.rollback()
