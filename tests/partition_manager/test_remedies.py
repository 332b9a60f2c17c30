"""Every remedy that is printed does what it is printed for."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support import events
from tests.support.program import Outcome, Program

Run = Callable[[str], Outcome]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def run(lmsschema: Program, upgraded_url: str) -> Run:
    return lambda command: lmsschema(*command.split(), "--url", upgraded_url)


def test_a_dry_run_of_a_repair_prints_what_it_would_run(conn: psycopg.Connection, run: Run) -> None:
    conn.execute("GRANT SELECT ON learning_events TO PUBLIC")
    dry = run("partitions ensure --repair --dry-run --json").json["sql"]
    assert dry.count("GRANT SELECT ON") == len(events.partitions(conn))
    assert run("partitions ensure --repair --json").json["repaired"] == [
        line.removesuffix(";") for line in dry.splitlines()
    ]
    assert run("partitions ensure --repair --dry-run --json").json["sql"] == ""
