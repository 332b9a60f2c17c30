"""Where partitions are stored: where PostgreSQL itself would put them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.locks.context import Context, in_lines
from lmsschema.partition_manager import ensure, listing, repair
from lmsschema.partitions import LEARNING_EVENTS, for_values
from tests.support import events

Opened = Callable[..., Database]

FIVE = replace(LEARNING_EVENTS, ahead=4)


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def space(conn: psycopg.Connection) -> Iterator[str]:
    """The name of a tablespace, in a folder of the server's own."""
    name = "space_" + conn.info.dbname.rsplit("test_", 1)[-1]
    conn.execute("SET allow_in_place_tablespaces TO on")
    conn.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(sql.Identifier(name)))
    yield name
    conn.execute("DROP TABLE learning_events")
    conn.execute(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))


def spaces(conn: psycopg.Connection, table: str) -> list[tuple[object, ...]]:
    """Return the tablespaces of a partition and of its indexes, each by the index of its table."""
    return conn.execute(
        "SELECT 'table', s.spcname FROM pg_class AS c"
        " LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace WHERE c.oid = %(name)s::regclass"
        " UNION ALL"
        " SELECT i.inhparent::regclass::text, s.spcname FROM pg_index AS x"
        " JOIN pg_class AS c ON c.oid = x.indexrelid JOIN pg_inherits AS i ON i.inhrelid = c.oid"
        " LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace"
        " WHERE x.indrelid = %(name)s::regclass ORDER BY 1",
        {"name": table},
    ).fetchall()


SETTINGS = {
    "nothing": "SELECT %(space)s",
    "table": "ALTER TABLE learning_events SET TABLESPACE {space}",
    "index": "ALTER INDEX idx_learning_events_session SET TABLESPACE {space}",
    "session": "ALTER DATABASE {database} SET default_tablespace TO {space}",
}


@pytest.mark.parametrize("session", [False, True])
@pytest.mark.parametrize("own", [(), ("table",), ("index",), ("table", "index")])
def test_a_new_partition_lies_where_its_table_says_and_no_setting_does(
    conn: psycopg.Connection,
    upgraded_url: str,
    opened: Opened,
    space: str,
    own: tuple[str, ...],
    *,
    session: bool,
) -> None:
    for name in [*own, *(["session"] if session else [])]:
        conn.execute(
            sql.SQL(SETTINGS[name]).format(
                space=sql.Identifier(space), database=sql.Identifier(conn.info.dbname)
            )
        )
    [made] = ensure.ensure(Context(opened(upgraded_url)), FIVE).done
    bounds = sql.SQL(for_values(LEARNING_EVENTS.interval_of(events.month(8))))
    with psycopg.connect(upgraded_url, autocommit=True) as theirs:
        theirs.execute(
            "SET default_tablespace = ''"
        )  # a role's or database's setting places nothing
        theirs.execute(
            sql.SQL("CREATE TABLE theirs PARTITION OF learning_events {}").format(bounds)
        )
    found = spaces(conn, made.name)
    assert found == spaces(conn, "theirs")
    assert (("table", space) in found) == ("table" in own)


def test_an_older_partition_is_not_moved_but_told_of(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, space: str
) -> None:
    """Its rows would be copied while nobody could read them."""
    database = opened(upgraded_url)
    conn.execute(
        sql.SQL("ALTER TABLE learning_events SET TABLESPACE {}").format(sql.Identifier(space))
    )
    told: list[str] = []
    assert repair.repair(Context(database, tell=in_lines(told.append)), LEARNING_EVENTS) == []
    assert len(told) == 5
    name = events.name(1)
    statement = f"ALTER TABLE {name} SET TABLESPACE {space}"
    [line] = [line for line in told if name in line]
    assert line == (
        f"{name} lies in another tablespace than its table. It stays: moving it copies its rows "
        f"while nobody can read them. By hand: {statement}"
    )
    listed = {
        one.name: one.oddities for one in listing.listing(database, LEARNING_EVENTS).partitions
    }
    assert listed[name] == (
        f"its tablespace differs from the table's (by hand, its rows are copied: {statement})",
    )
    conn.execute(statement.encode())
    assert listing.listing(database, LEARNING_EVENTS).partitions[1].oddities == ()


def test_a_partition_may_lie_elsewhere_where_its_table_names_no_tablespace(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, space: str
) -> None:
    """Old months on slower disks are nothing odd."""
    conn.execute(
        sql.SQL("ALTER TABLE {} SET TABLESPACE {}").format(
            sql.Identifier(events.name(1)), sql.Identifier(space)
        )
    )
    listed = listing.listing(opened(upgraded_url), LEARNING_EVENTS).partitions
    assert [one.oddities for one in listed] == [()] * 5
