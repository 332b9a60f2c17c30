"""Partitions that are no plain tables: named by what they are, handled as one month or refused."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.partition_manager.conftest import Partitions
from tests.support import events
from tests.support.program import Outcome, Program

OLD = -30
NAME = events.name(OLD)
DEFAULT = "learning_events_default"
PRUNE = ("prune", "--keep", "24m")
DROP = (*PRUNE, "--action", "drop", "--grace", "0d")


def divided(conn: psycopg.Connection, name: str, bounds: str, rows: int = 10) -> None:
    """Make a partition that has two partitions of its own, and insert rows into both."""
    of_two = f"PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER"
    conn.execute(
        f"CREATE TABLE {name} PARTITION OF learning_events {bounds} PARTITION BY HASH (id);"
        f"CREATE TABLE {name}_a {of_two} 0); CREATE TABLE {name}_b {of_two} 1)".encode()
    )
    if rows:
        events.insert(conn, events.month(OLD), rows)
    conn.execute(f"ANALYZE {name}_a; ANALYZE {name}_b".encode())


@pytest.fixture
def month(conn: psycopg.Connection) -> str:
    """An old month with ten rows that is divided into two."""
    first, last = (f"'{events.month(n, day=1)}'" for n in (OLD, OLD + 1))
    divided(conn, NAME, f"FOR VALUES FROM ({first}) TO ({last})")
    return NAME


def listed(partitions: Partitions, name: str) -> dict[str, object]:
    """Return what ``list --json`` says of a table."""
    table = partitions("list", "--json").json["tables"][0]
    [found] = [one for one in table["partitions"] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def test_a_month_that_is_divided_is_one_month(
    conn: psycopg.Connection,
    partitions: Partitions,
    lmsschema: Program,
    upgraded_url: str,
    month: str,
) -> None:
    """Its rows are listed, detached, late ones found and attached as those of any other."""

    def drift() -> list[object]:
        found = lmsschema("check", "--json", "--url", upgraded_url).json["drift"]
        return [one for one in found if str(one["relation"]).startswith(month)]

    assert partitions("ensure", "--repair").code == 0
    found = listed(partitions, month)
    assert (found["kind"], found["estimated_rows"]) == ("partitioned table", 10)
    assert found["oddities"] == ["a partitioned table by HASH (id), with 2 partitions of its own"]
    assert int(str(found["bytes"])) >= 8192 * 10
    assert "a partitioned table by HASH (id)" in partitions("list").out
    assert drift() == []
    assert partitions("ensure", "--repair", "--json").json["repaired"] == []

    assert partitions(*PRUNE, "--json").json["detached"] == [month]
    assert events.count(conn) == 0
    assert listed(partitions, month)["attached"] is False
    assert partitions(*PRUNE, "--json").json["detached_before"] == [month]
    assert drift() == []
    conn.execute(
        "ALTER TABLE learning_events ADD COLUMN source text NOT NULL DEFAULT 'app';"
        "ALTER TABLE learning_events ADD CONSTRAINT sane CHECK (source <> '');"
        "CREATE INDEX ON learning_events (source)"
    )
    events.insert(conn, events.month(OLD), 2)
    held = partitions("heal", "--json").json["tables"][0]["held"]
    assert held == [{"table": month, "rows": 2, "detached": True}]
    restored = partitions("restore", month)
    assert restored.code == 0, restored.err
    assert (events.count(conn), events.count(conn, month)) == (12, 12)
    assert events.count(conn, DEFAULT) == 0
    assert listed(partitions, month)["oddities"] == found["oddities"]
    left = conn.execute(
        "SELECT conname FROM pg_constraint WHERE conname = 'lmsschema_bounds'"
    ).fetchall()
    assert left == []


def test_a_divided_month_is_exported_with_all_its_rows_before_it_is_dropped(
    conn: psycopg.Connection, partitions: Partitions, tmp_path: Path, month: str
) -> None:
    assert partitions(*DROP, "--export", str(tmp_path)).code == 0
    conn.execute(f"CREATE VIEW reads AS TABLE {month}_a".encode())
    refused = partitions(*DROP, "--export", str(tmp_path), "--json")
    assert (refused.code, refused.json["error"]["dependents"]) == (6, ["view reads"])
    for statement in refused.json["error"]["statements"]:
        conn.execute(statement.encode())
    dropped = partitions(*DROP, "--export", str(tmp_path), "--json")
    assert dropped.code == 0, dropped.err
    assert dropped.json["dropped"] == [month]
    assert json.loads((tmp_path / f"{month}.json").read_text())["rows"] == 10
    gone = "SELECT count(*) FROM pg_class WHERE starts_with(relname, %s)"
    assert conn.execute(gone, [month]).fetchone() == (0,)
    assert partitions("restore", "--from-export", f"{tmp_path}/{month}.csv.gz").code == 0
    assert events.count(conn, month) == 10
    assert listed(partitions, month)["kind"] == "table"


def test_a_foreign_key_that_a_divided_month_lacks_is_refused_with_what_adds_it(
    conn: psycopg.Connection, partitions: Partitions, month: str
) -> None:
    assert partitions(*PRUNE).code == 0
    conn.execute(
        "CREATE TABLE sessions (id uuid PRIMARY KEY);"
        "ALTER TABLE learning_events ADD FOREIGN KEY (session_id) REFERENCES sessions"
    )
    events_of_month = sql.Identifier(month)
    conn.execute(sql.SQL("INSERT INTO sessions SELECT session_id FROM {}").format(events_of_month))
    refused = partitions("restore", month, "--json")
    assert refused.code == 6
    for statement in refused.json["error"]["statements"]:
        assert statement in refused.err
        conn.execute(statement.encode())
    restored = partitions("restore", month)
    assert restored.code == 0, restored.err
    assert events.count(conn) == 10


def test_a_divided_default_is_counted_and_its_rows_are_refused_with_what_helps(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    events.drop(conn, DEFAULT, events.name(0))
    divided(conn, DEFAULT, "DEFAULT", rows=0)
    events.insert(conn, events.month(0), 7)
    checked = partitions("check", "--json")
    assert checked.json["tables"][0]["default_rows"] == 7
    pruned = partitions(*PRUNE, "--dry-run", "--json")
    assert pruned.json["default_expired"] == 0
    before = events.partitions(conn)
    refusals = [partitions("ensure"), partitions("heal")]
    assert [one.code for one in refusals] == [6, 6]
    assert events.partitions(conn) == before
    said = f"{DEFAULT} is a partitioned table: its rows can't be moved"
    assert all(said in one.err for one in refusals)
    [hint] = [line for line in refusals[0].err.splitlines() if line.startswith("hint: ")]
    conn.execute(hint[hint.index("BEGIN;") :].encode())
    assert events.count(conn, DEFAULT) == 7
    assert partitions("ensure").code == 0
    assert events.count(conn, events.name(0)) == 7


def test_what_else_a_partition_may_be_is_listed(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    """An unlogged one; beside the table an inheritance child and another table's partition."""
    conn.execute(
        f"ALTER TABLE {events.name(1)} SET UNLOGGED;"
        "CREATE TABLE events_before (at timestamptz);"
        "CREATE TABLE learning_events_2019_05 () INHERITS (events_before);"
        "CREATE TABLE others (at timestamptz) PARTITION BY RANGE (at);"
        "CREATE TABLE learning_events_2019_06 PARTITION OF others DEFAULT".encode()
    )
    unlogged = listed(partitions, events.name(1))
    assert unlogged["kind"] == "unlogged table"
    [said] = [str(one) for one in unlogged["oddities"]]  # type: ignore[attr-defined]  # a list
    assert said.startswith("an unlogged table: a crash empties it")
    child = listed(partitions, "learning_events_2019_05")
    assert child["kind"] == "inheritance child"
    assert child["oddities"] == [
        "an inheritance child", "not attached: it belongs to events_before",
    ]  # fmt: skip
    other = listed(partitions, "learning_events_2019_06")
    assert (other["kind"], other["oddities"]) == (
        "table",
        ["not attached: it belongs to others"],
    )
    conn.execute(said[said.index("ALTER TABLE") : -1].encode())
    assert listed(partitions, events.name(1))["oddities"] == []


def test_a_foreign_table_is_not_pruned_and_keeps_no_other_month(
    conn: psycopg.Connection,
    lmsschema: Program,
    upgraded_url: str,
    tmp_path: Path,
) -> None:
    """Only a table without a primary key can have one."""
    (tmp_path / "lmsschema.toml").write_text('[tables.visits]\nkey = "at"\n')
    conn.execute(
        "CREATE TABLE visits (at timestamptz NOT NULL) PARTITION BY RANGE (at);"
        "CREATE FOREIGN DATA WRAPPER afar; CREATE SERVER afar FOREIGN DATA WRAPPER afar;"
        "CREATE FOREIGN TABLE visits_2020_01 PARTITION OF visits"
        " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00') SERVER afar;"
        "CREATE TABLE visits_2020_02 PARTITION OF visits"
        " FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2020-03-01 00:00+00')"
    )
    environment = {"LMSSCHEMA_CONFIG": str(tmp_path / "lmsschema.toml")}

    def run(*arguments: str) -> Outcome:
        return lmsschema("partitions", *arguments, "--url", upgraded_url, env=environment)

    assert run("ensure").code == 0
    tables = run("list", "--json").json["tables"][-1]["partitions"]
    assert [(one["kind"], one["oddities"]) for one in tables[:2]] == [
        ("foreign table", ["a foreign table: its rows are another server's"]),
        ("table", []),
    ]
    pruned = run(*PRUNE, "--table", "visits", "--json")
    assert pruned.code == 6
    error = pruned.json["error"]
    assert error["detached"] == ["visits_2020_02"]
    assert "visits_2020_01 was not detached: it is a foreign table" in error["message"]
    conn.execute(error["hint"].encode())
    assert run(*PRUNE, "--table", "visits").code == 0
    restored = run("restore", "visits_2020_02")  # its comment says whose it was
    assert restored.code == 0, restored.err
