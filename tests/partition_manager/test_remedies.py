"""Every remedy that is printed does what it is printed for."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

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


def _remedies(run: Run) -> list[str]:
    tables = run("partitions check --json").json["tables"]
    return [finding["remedy"] for table in tables for finding in table["findings"]]


def test_every_remedy_run_as_printed_ends_its_finding(conn: psycopg.Connection, run: Run) -> None:
    assert run("partitions create --from 2023-03 --to 2023-03").code == 0
    assert run("partitions prune --keep 24m").code == 0
    events.insert(conn, "2023-03-15", 2)  # of a detached month
    events.insert(conn, "2012-05-15", 3)  # more than ten years ago
    events.insert(conn, events.month(8), 2)  # after the months ahead
    for far in ("2999-01-01", "infinity", "-infinity"):
        events.insert(conn, far)
    events.drop(conn, events.name(1))  # a hole
    events.insert(conn, events.month(1), 4)
    conn.execute(
        "CREATE TABLE far_off PARTITION OF learning_events"
        " FOR VALUES FROM ('2990-01-01 00:00+00') TO ('2990-02-01 00:00+00')"
    )
    later = events.month(6, day=1), events.month(7, day=1)
    conn.execute(
        sql.SQL(
            "CREATE TABLE later PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
        ).format(*(sql.Literal(str(instant)) for instant in later))
    )
    seen: set[str] = set()
    for _ in range(12):
        remedies = _remedies(run)
        if not remedies:
            break
        assert remedies[0] not in seen, remedies
        seen.add(remedies[0])
        if remedies[0].startswith("lmsschema "):
            done = run(remedies[0].removeprefix("lmsschema "))
            assert done.code in {0, 3}, (remedies[0], done.err)
        else:
            conn.execute(remedies[0].encode())
    assert _remedies(run) == []
    assert events.count(conn) == 11
    assert len(seen) >= 8


def test_what_blocks_a_month_names_the_heal_that_ends_it(
    conn: psycopg.Connection, run: Run
) -> None:
    events.insert(conn, events.month(9), 3)
    events.insert(conn, events.month(2), 3000)
    events.insert(conn, "2012-05-15", 3000)
    events.insert(conn, "2150-01-15", 3)
    for command in (
        "ensure --ahead 12",
        "create --from 2012-03 --to 2012-06",
        "create --from 2150-01 --to 2150-01",
    ):
        done = run(f"partitions {command}")
        if done.code == 0:
            continue
        assert done.code == 3, done.err
        hint = done.err[done.err.index("hint: lmsschema ") :].splitlines()[0]
        assert run(hint.removeprefix("hint: lmsschema ")).code in {0, 3}
        assert run(f"partitions {command}").code == 0
    assert events.count(conn, "learning_events_2150_01") == 3
