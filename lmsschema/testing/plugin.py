"""The pytest plugin: one server per run, and a database of its own for each test.

pytest loads this module in every environment in which lmsschema is installed. So it imports nothing
else until a test requests a fixture.
"""

import contextlib
import functools
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import sqlalchemy
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from lmsschema.testing.databases import Databases
    from lmsschema.testing.pool import Pool
    from lmsschema.testing.runs import SuiteRun
    from lmsschema.testing.servers import RunningServer

_SETTINGS = {
    "lms_server": ("auto", "where the server comes from: auto, url, container or embedded"),
    "lms_server_url": ("", "a running server (LMSSCHEMA_TEST_URL overrides it)"),
    "lms_image": ("", "the container's image (LMSSCHEMA_TEST_IMAGE overrides it)"),
    "lms_version": ("18", "the server's major version (LMSSCHEMA_TEST_VERSION overrides it)"),
    "lms_folder": ("", "folder for an embedded server's data [in memory if there is room]"),
    "lms_schema": ("", "the schema to create everything in, instead of the connection's own"),
    "lms_profile": ("faithful", "the index profile of the databases: faithful or lean"),
    "lms_pool": ("2", "number of databases created in advance; 0 creates each on request"),
}
_LISTS = {
    "lms_prepare": "what fills the template: lines of MODULE:FUNCTION (given its URL) or *.sql",
    "lms_prepare_files": "patterns of further files that decide what these functions do",
}
_KEPT = "lms_kept_database"

_run = pytest.StashKey["SuiteRun"]()
_ends = pytest.StashKey[contextlib.ExitStack]()
_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the plugin's options and settings."""
    group = parser.getgroup("lmsschema", "fresh databases at lmsschema's head")
    group.addoption(
        "--lms-server",
        choices=("auto", "url", "container", "embedded"),
        help="where the server comes from (default: the setting lms_server, else auto)",
    )
    group.addoption(
        "--lms-keep",
        action="store_true",
        help="keep a failed test's database until the next run, and print its URL",
    )
    for name, (default, text) in _SETTINGS.items():
        parser.addini(name, text, default=default)
    for name, text in _LISTS.items():
        parser.addini(name, text, type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the clean-up at the end of the run."""
    config.stash[_ends] = contextlib.ExitStack()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401  pytest-xdist need not be installed
    """Tell a worker of pytest-xdist which run it belongs to."""
    node.workerinput["lms_run"] = str(_run_of(node.config).folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, if this process is the run's owner."""
    if _ends in config.stash:
        config.stash[_ends].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record that a test failed, for the fixtures that are torn down after it."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the URLs of the databases that were kept."""
    kept = [
        (report.nodeid, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == _KEPT
    ]
    if kept:
        terminalreporter.section("databases kept until the next run")
        for nodeid, url in kept:
            terminalreporter.line(f"{nodeid}: {url}")


@pytest.fixture(scope="session")
def lms_server(pytestconfig: pytest.Config) -> "RunningServer":
    """The run's server: `url` (with the right to create databases), `kind`, `origin`."""
    from lmsschema.errors import UsageError
    from lmsschema.testing import servers, terminal

    kind = pytestconfig.option.lms_server or pytestconfig.getini("lms_server")
    if kind not in set(servers.ServerKind):
        raise UsageError(
            f"lms_server has the invalid value {kind!r}",
            hint=f"Use one of {', '.join(servers.ServerKind)}.",
        )
    wish = servers.Wish(
        kind=servers.ServerKind(kind),
        url=_setting(pytestconfig, "lms_server_url", "LMSSCHEMA_TEST_URL"),
        image=_setting(pytestconfig, "lms_image", "LMSSCHEMA_TEST_IMAGE"),
        version=_setting(pytestconfig, "lms_version", "LMSSCHEMA_TEST_VERSION"),
        folder=pytestconfig.getini("lms_folder"),
    )
    return servers.of(_run_of(pytestconfig), wish, functools.partial(terminal.say, pytestconfig))


@pytest.fixture(scope="session")
def lms_databases(lms_server: "RunningServer") -> "Iterator[Databases]":
    """The databases that this process creates on the run's server."""
    from lmsschema.testing.databases import Databases

    databases = Databases(lms_server.url)
    databases.drop_orphans()
    yield databases
    databases.close()


@pytest.fixture
def lms_empty_database_url(
    lms_databases: "Databases", request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URL of a fresh, empty database that no other test sees."""
    name = lms_databases.create()
    yield lms_databases.url(name)
    if _keep(request, lms_databases.url(name)):
        lms_databases.leave(name)
    else:
        lms_databases.drop(name)


@pytest.fixture(scope="session")
def lms_template(lms_server: "RunningServer", pytestconfig: pytest.Config) -> str:
    """The name of the template database at head, which is built if the server has none."""
    return _ensure_template(lms_server.url, pytestconfig)


def _ensure_template(server: str, config: pytest.Config) -> str:
    from lmsschema.createdb import templates
    from lmsschema.database.session import open_connection
    from lmsschema.database.target import Target
    from lmsschema.testing import terminal
    from lmsschema.testing.preparation import Preparation

    target = Target(server, "the test server", config.getini("lms_schema") or None)
    steps, files = (tuple(config.getini(name)) for name in _LISTS)
    with contextlib.closing(open_connection(target)) as conn:
        return templates.ensure(
            conn,
            target,
            addition=Preparation(steps, files, config.rootpath) if steps else None,
            before_build=lambda: terminal.say(config, "building the template that tests copy"),
            profile=config.getini("lms_profile"),
        )[0]


@pytest.fixture(scope="session")
def _lms_pool(
    lms_server: "RunningServer",
    lms_databases: "Databases",  # noqa: ARG001  requested since it drops databases of dead processes
    pytestconfig: pytest.Config,
) -> "Iterator[Pool]":
    from lmsschema.errors import UsageError
    from lmsschema.testing.pool import Pool

    size = pytestconfig.getini("lms_pool")
    if not size.isdecimal():
        raise UsageError(
            f"lms_pool has the invalid value {size!r}", hint="Use a number, 0 or more."
        )
    find = functools.partial(_ensure_template, lms_server.url, pytestconfig)
    pool = Pool(lms_server.url, find, int(size))
    yield pool
    pool.close()


@pytest.fixture
def lms_database_url(_lms_pool: "Pool", request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database at head that no other test sees."""
    name = _lms_pool.take()
    yield _lms_pool.url(name)
    if _keep(request, _lms_pool.url(name)):
        _lms_pool.leave(name)
    else:
        _lms_pool.give_back(name)


@pytest.fixture
def lms_engine(lms_database_url: str) -> "Iterator[sqlalchemy.Engine]":
    """A SQLAlchemy engine on a fresh database at head that no other test sees."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(_for_sqlalchemy(lms_database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def lms_async_engine(lms_database_url: str) -> "AsyncEngine":
    """An asynchronous SQLAlchemy engine on a fresh database at head that no other test sees.

    It keeps no connection, so that it belongs to no event loop.
    """
    from sqlalchemy import NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(_for_sqlalchemy(lms_database_url), poolclass=NullPool)


@pytest.fixture
def lms_async_connection(lms_async_engine: "AsyncEngine") -> "AsyncConnection":
    """An asynchronous SQLAlchemy connection to a fresh database at head, not yet opened.

    Open it in the test's own event loop: ``async with lms_async_connection as connection:``.
    """
    return lms_async_engine.connect()


@pytest.fixture(scope="session")
def _lms_shared_engine(_lms_pool: "Pool") -> "Iterator[sqlalchemy.Engine]":
    import sqlalchemy

    name = _lms_pool.take()
    engine = sqlalchemy.create_engine(_for_sqlalchemy(_lms_pool.url(name)))
    yield engine
    engine.dispose()
    _lms_pool.give_back(name)


@pytest.fixture
def lms_connection(_lms_shared_engine: "sqlalchemy.Engine") -> "Iterator[sqlalchemy.Connection]":
    """A SQLAlchemy connection in a transaction that is rolled back after the test.

    This is the fastest fixture: all tests of a process share one database at head, since each
    leaves it unchanged. Code under test can commit in a
    ``Session(bind=lms_connection, join_transaction_mode="create_savepoint")``.
    """
    with _lms_shared_engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        if not transaction.is_active and not connection.invalidated:
            pytest.fail(
                "the test ended the transaction of lms_connection, so later tests may see its"
                " rows; in a test that commits, use lms_engine or lms_database_url"
            )
        transaction.rollback()


def _run_of(config: pytest.Config) -> "SuiteRun":
    """Return the run that this process belongs to; start it if this process is its owner."""
    from lmsschema.testing import runs, servers

    if _run not in config.stash:
        worker = getattr(config, "workerinput", None)
        config.stash[_run] = (
            config.stash[_ends].enter_context(runs.own(servers.stop))
            if worker is None
            else runs.SuiteRun(Path(worker["lms_run"]))
        )
    return config.stash[_run]


def _setting(config: pytest.Config, name: str, variable: str) -> str:
    return os.environ.get(variable) or str(config.getini(name))


def _keep(request: pytest.FixtureRequest, url: str) -> bool:
    """Return whether the test's database is to be kept; if so, record that."""
    if not (request.config.option.lms_keep and request.node.stash.get(_failed, False)):
        return False
    _run_of(request.config).kept.touch()
    request.node.user_properties.append((_KEPT, url))
    return True


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
