"""The fixtures of the project's own tests, built on the pytest plugin that it ships."""

import gc
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

#: What is the same whichever server is tested: one suite of several runs it.
ONCE = (
    "unit",
    "lint",
    "docs",
    "packaging",
    "load/test_known_totals.py",
    "local_server/test_local_command.py",
    "local_server/test_local_refusals.py",
    "local_server/test_borrowed_server.py",
)

#: The files that take longest. They come first, so that no worker is left alone with one.
LONGEST = (
    "packaging/test_readme.py",
    "drift/test_check_mutations.py",
    "docs/test_tutorial.py",
    "packaging",
    "migration/test_killed_upgrade.py",
    "tables/test_real_data.py",
    "testing/test_pytest_plugin.py",
    "migration",
    "drift",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; mark as slow whatever is not quick, and what is run once."""
    root = Path(__file__).parent

    def place(item: pytest.Item) -> str:
        return item.path.relative_to(root).as_posix()

    def rank(item: pytest.Item) -> int:
        return next((n for n, long in enumerate(LONGEST) if place(item).startswith(long)), 99)

    items.sort(key=rank)
    for item in items:
        if not place(item).startswith(QUICK):
            item.add_marker(pytest.mark.slow)
        if place(item).startswith(ONCE):
            item.add_marker(pytest.mark.once)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lasts as long as the run: it takes a tenth of the time."""
    gc.collect()
    gc.freeze()


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
