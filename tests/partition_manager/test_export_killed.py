"""A prune that is killed while it exports, or before it drops, is done again and loses nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.partition_manager.conftest import Partitions
from tests.support import events
from tests.support.boundaries import relayed
from tests.support.healing import Containing
from tests.support.program import clean_environment

OLD = -30
NAME = events.name(OLD)


@pytest.fixture
def command(conn: psycopg.Connection, partitions: Partitions, tmp_path: Path) -> list[str]:
    """What drops an old month with ten rows that is detached."""
    month = f"{events.month(OLD):%Y-%m}"
    assert partitions("create", "--from", month, "--to", month).code == 0
    events.insert(conn, events.month(OLD), 10)
    assert partitions("prune", "--keep", "24m").code == 0
    keep = ["prune", "--keep", "24m", "--action", "drop", "--grace", "0d"]
    return [*keep, "--export", str(tmp_path), "--json"]


def killed(url: str, command: list[str], statement: str) -> None:
    """Run a command until it sends a statement, and kill it with SIGKILL before that."""
    pids: list[int] = []
    boundary = Containing(statement, 1, "before", lambda: os.kill(pids[0], signal.SIGKILL))
    with relayed(url, boundary) as through:
        with subprocess.Popen(
            [sys.executable, "-m", "lmsschema", "partitions", *command, "--url", through],
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
        ) as process:
            pids.append(process.pid)
        assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("sum(pg_catalog.hashtextextended", [f"{NAME}.csv.partial"]),
        (f'DROP TABLE "{NAME}"', [f"{NAME}.csv.gz", f"{NAME}.json"]),
    ],
    ids=["exporting", "exported"],
)
def test_the_next_run_ends_it_with_one_export(
    conn: psycopg.Connection,
    partitions: Partitions,
    upgraded_url: str,
    tmp_path: Path,
    command: list[str],
    *,
    statement: str,
    left: list[str],
) -> None:
    killed(upgraded_url, command, statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    assert events.count(conn, NAME) == 10
    pruned = partitions(*command)
    assert pruned.code == 0, pruned.err
    assert pruned.json["dropped"] == [NAME]
    assert pruned.json["exports"][0]["file"] == f"{NAME}.csv.gz"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}.csv.gz", f"{NAME}.json"]
    assert partitions("restore", "--from-export", f"{tmp_path}/{NAME}.csv.gz").code == 0
    assert events.count(conn, NAME) == 10


def test_an_export_of_rows_that_have_changed_since_is_not_taken_for_it(
    conn: psycopg.Connection,
    partitions: Partitions,
    upgraded_url: str,
    tmp_path: Path,
    command: list[str],
) -> None:
    """It stays; the next one has a number."""
    killed(upgraded_url, command, f'DROP TABLE "{NAME}"')
    conn.execute(f"UPDATE {NAME} SET event_action = 'changed'".encode())  # noqa: S608  our own name
    assert partitions(*command).json["exports"][0]["file"] == f"{NAME}-2.csv.gz"
    assert (tmp_path / f"{NAME}.csv.gz").exists()
    assert partitions("restore", "--from-export", f"{tmp_path}/{NAME}-2.csv.gz").code == 0
    changed = "SELECT count(*) FROM learning_events WHERE event_action = 'changed'"
    assert conn.execute(changed).fetchone() == (10,)
