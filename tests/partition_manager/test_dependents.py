"""What depends on a partition is looked for before its rows are copied or exported, and named."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.partition_manager.conftest import Partitions
from tests.support import events

DEFAULT = "learning_events_default"
OLD = [events.name(offset) for offset in (-31, -30)]


def test_a_view_on_a_detached_table_costs_no_export(
    conn: psycopg.Connection, partitions: Partitions, tmp_path: Path
) -> None:
    first, last = (f"{events.month(n):%Y-%m}" for n in (-31, -30))
    assert partitions("create", "--from", first, "--to", last).code == 0
    keep = ("prune", "--keep", "24m", "--action", "drop", "--grace", "0d")
    prune = (*keep, "--export", str(tmp_path), "--json")
    pruned = partitions(*prune)
    assert pruned.code == 0
    conn.execute(sql.SQL("CREATE VIEW report AS TABLE {}").format(sql.Identifier(OLD[0])))
    for _ in range(2):
        pruned = partitions(*prune)
        assert pruned.code == 6
        assert pruned.json["error"]["dependents"] == ["view report"]
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            f"{OLD[1]}.csv.gz",
            f"{OLD[1]}.json",
        ]
    for statement in pruned.json["error"]["statements"]:
        conn.execute(statement.encode())
    assert partitions(*prune).json["dropped"] == [OLD[0]]


MADE = {
    "view reads": f"CREATE VIEW reads AS TABLE {DEFAULT}",
    "materialized view reads": f"CREATE MATERIALIZED VIEW reads AS TABLE {DEFAULT}",
    f"trigger noted on table {DEFAULT}": f"CREATE TRIGGER noted BEFORE DELETE ON {DEFAULT}"
    " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "index extra": f"CREATE INDEX extra ON {DEFAULT} (event_action)",
    "function reads()": "CREATE FUNCTION reads() RETURNS bigint"
    " BEGIN ATOMIC SELECT count(*) FROM learning_events_default; END",
}


@pytest.mark.parametrize("name", MADE)
def test_what_depends_on_the_default_is_named_before_its_rows_go(
    conn: psycopg.Connection, partitions: Partitions, name: str
) -> None:
    conn.execute(MADE[name].encode())
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 3)
    healed = partitions("heal", "--json")
    assert healed.code == 6
    error = healed.json["error"]
    assert error["dependents"] == [name]
    assert events.count(conn, DEFAULT) == 3
    for statement in error["statements"]:
        conn.execute(statement.encode())
    assert partitions("heal").code == 0
    assert events.count(conn, events.name(0)) == 3


@pytest.mark.parametrize("offsets", [(0,), (0, -7)], ids=["promotion", "move"])
def test_the_default_keeps_its_own_grants_and_parameters(
    conn: psycopg.Connection,
    partitions: Partitions,
    offsets: tuple[int, ...],
) -> None:
    conn.execute(f"GRANT SELECT ON {DEFAULT} TO pg_monitor")
    conn.execute(f"GRANT UPDATE (event_action) ON {DEFAULT} TO pg_monitor")
    conn.execute(f"ALTER TABLE {DEFAULT} SET (fillfactor = 70, autovacuum_enabled = false)")
    assert partitions("ensure", "--repair", "--json").json["repaired"] == []
    assert "grant" not in partitions("list").out
    events.drop(conn, events.name(0))
    for offset in offsets:
        events.insert(conn, events.month(offset), 3000)
    assert partitions("heal").code == 0
    rights = (
        "SELECT has_table_privilege('pg_monitor', %s, 'SELECT'),"
        " has_column_privilege('pg_monitor', %s, 'event_action', 'UPDATE')"
    )
    assert conn.execute(rights, [DEFAULT] * 2).fetchone() == (True, True)
    for offset in offsets:
        name = events.name(offset)
        assert conn.execute(rights, [name] * 2).fetchone() == (False, False)
    options = conn.execute(
        "SELECT array_agg(o ORDER BY o) FROM pg_class, unnest(reloptions) AS o WHERE relname = %s",
        [DEFAULT],
    ).fetchone()
    assert options == (["autovacuum_enabled=false", "fillfactor=70"],)
    assert partitions("ensure", "--repair", "--json").json["repaired"] == []
