"""A server that a command starts for itself is stopped by it; one that ran before goes on."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.local_server import embedded
from lmsschema.local_server.process import ServerState
from tests.support.program import Program

INSTITUTION = (
    "INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a.example', 'k12')"
)


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An environment whose embedded server does not exist yet."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-"))
    folder.chmod(0o711)
    variables = {"LMSSCHEMA_HOME": str(folder / "server")}
    yield variables
    embedded.destroy(variables)
    shutil.rmtree(folder)


@pytest.fixture
def populated_url(lmsschema: Program, database_url: str) -> str:
    """A database with rows before a small revision, so that locks are measured."""
    assert lmsschema("upgrade", "0005", "--url", database_url).code == 0
    with psycopg.connect(database_url) as conn:
        conn.execute(INSTITUTION)
    return database_url


def state(environment: dict[str, str]) -> ServerState:
    return embedded.status(environment).state


def test_it_is_stopped_by_the_command_that_started_it(
    lmsschema: Program, populated_url: str, environment: dict[str, str]
) -> None:
    for command in ("plan", "upgrade"):
        outcome = lmsschema(command, "0006", "--url", populated_url, env=environment)
        assert outcome.code == 0, outcome.err
        assert embedded.exists(environment)
        assert state(environment) is ServerState.STOPPED


def test_it_goes_on_if_it_ran_before(
    lmsschema: Program, populated_url: str, environment: dict[str, str]
) -> None:
    assert lmsschema("local", "start", env=environment).code == 0
    assert lmsschema("upgrade", "0006", "--url", populated_url, env=environment).code == 0
    assert state(environment) is ServerState.READY


def test_two_at_once_do_not_stop_each_others(
    lmsschema: Program, populated_url: str, environment: dict[str, str]
) -> None:
    with contextlib.ExitStack() as first:
        with embedded.borrow(environment) as running:
            first.enter_context(embedded.borrow(environment))
            assert running.started
        assert state(environment) is ServerState.READY
        assert lmsschema("plan", "0006", "--url", populated_url, env=environment).code == 0
        with psycopg.connect(running.conninfo) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    assert state(environment) is ServerState.STOPPED


def test_it_goes_on_for_who_asked_for_it_meanwhile(
    lmsschema: Program, environment: dict[str, str]
) -> None:
    with embedded.borrow(environment) as running:
        assert running.started
        assert lmsschema("local", "url", env=environment).code == 0
    assert state(environment) is ServerState.READY


def test_it_is_stopped_after_an_error(environment: dict[str, str]) -> None:
    with pytest.raises(KeyError), embedded.borrow(environment):
        raise KeyError
    assert state(environment) is ServerState.STOPPED


def test_after_it_was_destroyed_its_folder_is_empty(environment: dict[str, str]) -> None:
    with embedded.borrow(environment) as running:
        assert embedded.destroy(environment)
    assert list(running.home.iterdir()) == []
