"""The fixtures of the project's own tests, built on the pytest plugin that it ships."""

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest

# a shell that starts the tests in the background has them ignore Ctrl-C, and so whatever they start
signal.signal(signal.SIGINT, signal.default_int_handler)

# no test is a timed one
hypothesis.settings.register_profile("lmsschema", deadline=None)
hypothesis.settings.load_profile("lmsschema")

pytest_plugins = ["tests.support.databases", "tests.support.program"]


#: What ``-m "not slow"`` runs, in less than a minute: what needs no server, and of every room
#: that needs one what is over soonest.
QUICK = (
    "unit",
    "locks",
    "tables/test_guide.py",
    "ddl/test_steps.py",
    "migration/test_upgrade_command.py",
    "partition_manager/test_restore.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow whatever is not quick."""
    root = Path(__file__).parent
    for item in items:
        if not item.path.relative_to(root).as_posix().startswith(QUICK):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def database_url(lms_empty_database_url: str) -> str:
    """The URL of a fresh, empty database."""
    return lms_empty_database_url


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A psycopg connection in autocommit mode to the database of ``database_url``."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def upgraded_url(lms_database_url: str) -> str:
    """The URL of a fresh database at head: a copy of a template that `upgrade` has built."""
    return lms_database_url
