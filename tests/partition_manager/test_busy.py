"""Where another run is at work, no command is silent about it."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.partition_manager import state
from lmsschema.partitions import LEARNING_EVENTS
from tests.partition_manager.conftest import Partitions
from tests.support import events
from tests.support.program import Program


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("create --from 2023-01 --to 2023-01", 5),
        ("prune --keep 24m", 5),
        ("heal", 5),
        ("ensure --ahead 6", 0),
    ],
)
def test_it_is_said_with_q_too(
    command: str,
    code: int,
    lmsschema: Program,
    upgraded_url: str,
    opened: Callable[..., Database],
) -> None:
    partitions = ("partitions", *command.split(), "--url", upgraded_url)
    months = ("--from", "2023-03", "--to", "2023-03", "--url", upgraded_url)
    assert lmsschema("partitions", "create", *months).code == 0
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        events.people(conn)
        events.drop(conn, events.name(1))
        events.insert(conn, events.month(1))
        if command != "heal":
            assert lmsschema("partitions", "heal", "--url", upgraded_url).code == 0
    with state.claimed(opened(upgraded_url), LEARNING_EVENTS):
        done = lmsschema(*partitions, "-q")
        assert (done.code, done.out) == (code, "")
        assert done.err.count("another run is at work") == 1
        told = lmsschema(*partitions)
        assert (told.code, told.err.count("another run is at work")) == (code, 1)
        data = lmsschema(*partitions, "--json").json
        assert data.get("tables", [data])[0]["busy"] is True
    assert lmsschema(*partitions, "-q").code == 0


def test_what_is_refused_as_well_is_said_beside_it(
    conn: psycopg.Connection,
    partitions: Partitions,
    opened: Callable[..., Database],
    upgraded_url: str,
) -> None:
    """The refused month comes first, then another run has the table."""
    first, last = (f"{events.month(n):%Y-%m}" for n in (-31, -30))
    assert partitions("create", "--from", first, "--to", last).code == 0
    conn.execute("CREATE SCHEMA archive")
    conn.execute(f"ALTER TABLE {events.name(-31)} SET SCHEMA archive".encode())
    with state.claimed(opened(upgraded_url), LEARNING_EVENTS):
        pruned = partitions("prune", "--keep", "24m", "-q", "--json")
        assert pruned.code == 6
        assert pruned.json["busy"] is True
        assert "lies in schema archive" in pruned.json["error"]["message"]
        for said in ("lies in schema archive", "another run is at work"):
            assert pruned.err.count(said) == 1
        assert "another run is at work" in partitions("prune", "--keep", "24m").err


def test_a_table_that_is_refused_keeps_no_other_from_its_months(
    conn: psycopg.Connection, lmsschema: Program, upgraded_url: str, tmp_path: Path
) -> None:
    (tmp_path / "lmsschema.toml").write_text('[tables.visits]\nkey = "at"\n')
    conn.execute("CREATE TABLE visits (at timestamptz NOT NULL) PARTITION BY RANGE (at)")
    events.drop(conn, events.name(3))
    conn.execute(f"CREATE TABLE {events.name(3)} (x int)".encode())
    ensured = lmsschema(
        "partitions", "ensure", "--json", "--url", upgraded_url,
        env={"LMSSCHEMA_CONFIG": str(tmp_path / "lmsschema.toml")},
    )  # fmt: skip
    assert ensured.code == 6
    assert ensured.json["busy"] is False
    assert events.name(3) in ensured.json["error"]["message"]
    assert conn.execute("SELECT to_regclass('visits_default')::text").fetchone() == (
        "visits_default",
    )
