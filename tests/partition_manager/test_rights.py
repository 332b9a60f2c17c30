"""A role's rights are looked at before rows are copied and tables detached, with the GRANT."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.support import events
from tests.support.program import Program


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    """Rows of two months with a month that exists between them: they have to be moved."""
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        events.drop(connection, events.name(1), events.name(3))
        for offset in (1, 3):
            events.insert(connection, events.month(offset), 3000)
        yield connection


@pytest.fixture
def owner(conn: psycopg.Connection) -> Iterator[str]:
    """A role that owns learning_events, may create in its schema, and no more."""
    name = "owns_" + conn.info.dbname.rsplit("test_", 1)[-1]
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    for table in ["learning_events", *events.partitions(conn)]:
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    conn.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    yield name
    conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
    conn.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def url(upgraded_url: str, owner: str) -> str:
    return conninfo.make_conninfo(upgraded_url, user=owner, password="x")


def _tables(conn: psycopg.Connection) -> list[tuple[str]]:
    found = conn.execute("SELECT relname FROM pg_class WHERE relname ~ '^learning' ORDER BY 1")
    return found.fetchall()


def _hint(err: str) -> bytes:
    return err[err.index("GRANT ") :].partition(";")[0].encode()


def test_a_move_lacks_no_right_at_its_end(
    conn: psycopg.Connection, url: str, lmsschema: Program
) -> None:
    before = _tables(conn)
    done = lmsschema("partitions", "heal", "--url", url)
    assert done.code == 4
    assert "courses" in done.err
    assert "copied" not in done.err
    assert _tables(conn) == before
    conn.execute(_hint(done.err))
    done = lmsschema("partitions", "heal", "--url", url)
    assert done.code == 0, done.err


def test_a_drop_is_refused_before_anything_is_detached(
    conn: psycopg.Connection, url: str, lmsschema: Program
) -> None:
    months = ("--from", "2023-03", "--to", "2023-03")
    assert lmsschema("partitions", "create", *months, "--url", url).code == 0
    drop = ("partitions", "prune", "--keep", "24m", "--action", "drop", "--grace", "0d")
    done = lmsschema(*drop, "--url", url)
    assert done.code == 4
    assert "learning_events_2023_03" in events.partitions(conn)
    conn.execute(_hint(done.err))
    for _ in range(2):
        done = lmsschema(*drop, "--url", url)
    assert "learning_events_2023_03" not in {name for (name,) in _tables(conn)}


def test_heal_names_the_grant_that_it_lacks(
    conn: psycopg.Connection, url: str, owner: str, lmsschema: Program
) -> None:
    conn.execute("ALTER TABLE learning_events_default OWNER TO CURRENT_USER")
    done = lmsschema("partitions", "heal", "--dry-run", "--url", url)
    assert done.code == 4
    conn.execute(_hint(done.err))
    assert lmsschema("partitions", "heal", "--dry-run", "--url", url).code == 0
    conn.execute("ALTER TABLE learning_events_default ENABLE ROW LEVEL SECURITY")
    done = lmsschema("partitions", "check", "--url", url)
    assert done.code == 4
    assert f'ALTER ROLE "{owner}" BYPASSRLS' in done.err
