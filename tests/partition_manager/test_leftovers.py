"""What a killed move of one role leaves keeps the nightly job of another from nothing."""

import time

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.partition_manager.conftest import Partitions
from tests.support import events, healing

LEFT = (
    "SELECT relname FROM pg_class WHERE relname ~ 'default_(heal|new)' UNION ALL"
    " SELECT proname FROM pg_proc WHERE proname ~ 'heal_log'"
)


@pytest.fixture
def killed(conn: psycopg.Connection, owner: str, upgraded_url: str) -> str:
    """A superuser's move, killed while it copied; the owner's URL."""
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 100)
    events.insert(conn, events.month(-7), 100)
    assert healing.killed(upgraded_url, "INSERT INTO", 3, "sent")
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    )
    while conn.execute(others, [conn.info.backend_pid]).fetchone() != (0,):
        time.sleep(0.01)
    assert len(conn.execute(LEFT).fetchall()) >= 3
    return owner


def test_the_owner_removes_it(
    conn: psycopg.Connection, partitions: Partitions, killed: str
) -> None:
    ensured = partitions("ensure", "--ahead", "5", url=killed)
    assert ensured.code in {0, 3}, ensured.err  # 3: the current month waits for heal
    assert events.name(5) in events.partitions(conn)
    assert conn.execute(LEFT).fetchall() == []
    assert events.count(conn) == 200


def test_months_are_made_where_it_can_not_be_removed(
    conn: psycopg.Connection, partitions: Partitions, killed: str
) -> None:
    """An earlier release left it to the role that ran the move."""
    conn.execute(
        "ALTER TABLE learning_events_default_heal_log OWNER TO CURRENT_USER;"
        " ALTER FUNCTION learning_events_default_heal_log() OWNER TO CURRENT_USER"
    )
    conn.execute(
        sql.SQL(
            "CREATE TABLE {0} PARTITION OF learning_events FOR VALUES FROM ({2}) TO ({3});"
            " ALTER TABLE {0} OWNER TO {1}"
        ).format(
            sql.Identifier(events.name(-40)),
            sql.Identifier(str(conninfo.conninfo_to_dict(killed)["user"])),
            *(sql.Literal(str(events.month(n, day=1))) for n in (-40, -39)),
        )
    )
    ensured = partitions("ensure", "--ahead", "5", url=killed)
    assert ensured.code == 4
    assert "partitions heal as the role that began it" in ensured.err
    assert events.name(5) in events.partitions(conn)
    pruned = partitions("prune", "--keep", "24m", url=killed)
    assert pruned.code == 4
    assert events.name(-40) not in events.partitions(conn)
    assert partitions("heal").code == 0
    assert conn.execute(LEFT).fetchall() == []
