"""Rows of the default partition that are older than rows are kept are named."""

import psycopg

from tests.partition_manager.conftest import Partitions
from tests.support import events


def test_they_are_named_until_they_are_gone(
    conn: psycopg.Connection, partitions: Partitions
) -> None:
    events.insert(conn, events.month(-30), 3)
    events.insert(conn, "-infinity")
    events.insert(conn, events.month(-20), 2)  # kept
    preview = partitions("prune", "--keep", "24m", "--dry-run", "--json")
    assert preview.json["default_expired"] == 4
    pruned = partitions("prune", "--keep", "24m", "-q")
    assert pruned.code == 3
    assert "4 rows of learning_events_default are older than the cutoff" in pruned.err
    [hint] = [line for line in pruned.err.splitlines() if line.startswith("hint: ")]
    conn.execute(hint.removeprefix("hint: ").encode())
    assert events.count(conn) == 2
    again = partitions("prune", "--keep", "24m", "--json")
    assert again.code == 0
    assert again.json["default_expired"] == 0
