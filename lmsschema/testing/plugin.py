"""The pytest plugin: asks for a server once a run, and gives each test a database of its own."""

import os
from collections.abc import Iterator

import pytest

from lmsschema.testing.databases import Databases


@pytest.fixture(scope="session")
def lms_server_url() -> str:
    """The URL of the run's server, with the right to create databases."""
    return os.environ["LMSSCHEMA_TEST_URL"]


@pytest.fixture(scope="session")
def lms_databases(lms_server_url: str) -> Iterator[Databases]:
    """The databases of this process on the run's server."""
    databases = Databases(lms_server_url)
    databases.drop_of_the_dead()
    yield databases
    databases.close()


@pytest.fixture
def lms_empty_database_url(lms_databases: Databases) -> Iterator[str]:
    """The URL of a fresh, empty database that no other test sees."""
    name = lms_databases.create()
    yield lms_databases.url(name)
    lms_databases.drop(name)
