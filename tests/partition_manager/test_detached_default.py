"""A default partition that is detached or gone: rows are hidden or refused, all say so."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.cli._run import run
from lmsschema.database.connection import Database
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Patience
from lmsschema.partition_manager import restore
from lmsschema.partitions import LEARNING_EVENTS
from tests.partition_manager.conftest import Partitions
from tests.support import events

Open = Callable[..., Database]

DEFAULT = "learning_events_default"


@pytest.fixture
def detached(conn: psycopg.Connection) -> None:
    """A default with 500 rows, one of a month that gets a partition later."""
    events.insert(conn, events.month(-20), 499)
    events.insert(conn, events.month(-10))
    conn.execute(f"ALTER TABLE learning_events DETACH PARTITION {DEFAULT}")


@pytest.mark.usefixtures("detached")
def test_everyone_says_so(
    partitions: Partitions, upgraded_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    check = partitions("check", "--json")
    assert check.code == 3
    assert check.json["status"] == "critical"
    assert check.json["tables"][0]["default_detached"] == DEFAULT
    nagios = partitions("check", "--format", "nagios")
    assert nagios.code == 2
    assert f"{DEFAULT} is detached: its rows are hidden" in nagios.out
    prometheus = partitions("check", "--format", "prometheus").out
    assert 'default_lost{schema="public",table="learning_events"} 1' in prometheus
    assert run(["check", "--url", upgraded_url]) == 3
    assert run(["doctor", "--url", upgraded_url]) == 3
    said = capfd.readouterr().out
    assert said.count(f"{DEFAULT} is detached") == 1
    assert f"lmsschema partitions restore {DEFAULT}" in said


@pytest.mark.usefixtures("detached")
def test_restore_attaches_it(conn: psycopg.Connection, partitions: Partitions) -> None:
    ensured = partitions("ensure")
    assert ensured.code == 6
    assert f"lmsschema partitions restore {DEFAULT}" in ensured.err
    month = f"{events.month(-10):%Y-%m}"
    assert partitions("create", "--from", month, "--to", month).code == 0
    done = partitions("restore", DEFAULT)
    assert done.code == 0, done.err
    assert events.count(conn) == 500
    assert events.count(conn, events.name(-10)) == 1
    assert events.partitions(conn)[DEFAULT] == "DEFAULT"
    assert "already" in partitions("restore", DEFAULT).err
    assert partitions("heal").code == 0
    assert partitions("check").code == 0


@pytest.mark.usefixtures("detached")
def test_rows_that_have_partitions_go_there_before_anything_is_locked(
    conn: psycopg.Connection, partitions: Partitions, upgraded_url: str, opened: Open
) -> None:
    for offset in (-20, -10):
        month = f"{events.month(offset):%Y-%m}"
        assert partitions("create", "--from", month, "--to", month).code == 0
    context = Context(opened(upgraded_url), Patience(total=0.3))
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT FROM learning_events_default LIMIT 1")
        with pytest.raises(LockTimeoutError):
            restore.restore(context, LEARNING_EVENTS, DEFAULT, many=100)
        assert (events.count(conn), events.count(conn, DEFAULT)) == (500, 0)
        assert DEFAULT not in events.partitions(conn)
    restore.restore(context, LEARNING_EVENTS, DEFAULT)
    assert events.count(conn) == 500
    assert events.partitions(conn)[DEFAULT] == "DEFAULT"


def test_a_default_that_is_gone_is_made(conn: psycopg.Connection, partitions: Partitions) -> None:
    events.drop(conn, DEFAULT)
    check = partitions("check", "--json")
    assert check.json["status"] == "critical"
    assert check.json["tables"][0]["default_missing"]
    assert partitions("ensure").code == 0
    assert partitions("check").code == 0
