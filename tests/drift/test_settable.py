"""Values that a server keeps for itself in the catalogs: never drift, and never written."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.drift import adopt, check
from lmsschema.locks.context import Context, in_lines
from lmsschema.migration import revisions
from lmsschema.migration.upgrade import upgrade
from lmsschema.partition_manager import ensure, listing, parity, prune, repair, restore
from lmsschema.partition_manager.retention import Span
from lmsschema.partitions import LEARNING_EVENTS, Range, plan_range
from tests.support import events

Opened = Callable[..., Database]
Write = Callable[[], None]

OLD = events.name(-9)

#: Another value in every relation, as PostgreSQL 15.20 has them in the options of its columns.
OF_COLUMNS = """
UPDATE pg_attribute AS a
SET attoptions = coalesce(a.attoptions, '{}') || ARRAY['pg_kept=' || c.oid]
FROM pg_class AS c
WHERE c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0
    AND NOT coalesce(a.attoptions::text LIKE '%pg_kept=%', false)
"""
#: The same in the options of tables and their TOAST tables. Not of indexes: PostgreSQL's own LIKE
#: and ATTACH copy those, and would refuse the name on a server that doesn't know it.
OF_RELATIONS = """
UPDATE pg_class AS c
SET reloptions = coalesce(c.reloptions, '{}') || ARRAY['pg_kept=' || c.oid]
WHERE (c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
        OR c.oid IN (SELECT r.reltoastrelid FROM pg_class AS r
                     WHERE r.relnamespace = 'public'::regnamespace))
    AND NOT coalesce(c.reloptions::text LIKE '%pg_kept=%', false)
"""


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(database_url: str, opened: Opened) -> Database:
    """A database that `upgrade` has just brought to head."""
    database = opened(database_url)
    upgrade(database)
    return database


@pytest.fixture(params=["nothing", "columns", "relations"])
def write(request: pytest.FixtureRequest, conn: psycopg.Connection) -> Write:
    """Writes what a server may keep for itself; ``nothing``: it is left to this server."""
    statement = {"nothing": "SELECT", "columns": OF_COLUMNS, "relations": OF_RELATIONS}
    chosen: str = statement[request.param]

    def run() -> None:
        conn.execute(chosen.encode())

    return run


def assert_nothing_odd(database: Database) -> None:
    """No command sees a difference, or has a statement to run."""
    report = check.run(database)
    assert report.drift == ()
    assert report.clean(strict=True)
    nearest = adopt.run(database, dry_run=True).nearest
    assert (nearest.revision, nearest.equal) == (revisions.head(), True)
    listed = listing.listing(database, LEARNING_EVENTS).partitions
    assert listed
    assert [(one.name, one.oddities) for one in listed if one.oddities] == []
    for _ in range(2):
        assert ensure.ensure(Context(database), LEARNING_EVENTS).done == ()
        assert repair.repair(Context(database), LEARNING_EVENTS) == []


def test_no_command_sees_what_the_server_keeps_for_itself(
    database: Database, conn: psycopg.Connection, write: Write
) -> None:
    old = Range(events.month(-9, day=1), events.month(-8, day=1))
    write()
    assert_nothing_odd(database)
    ensure.make(
        Context(database),
        LEARNING_EVENTS,
        lambda state: plan_range(LEARNING_EVENTS, state.partitions, old),
    )
    events.people(conn)
    events.insert(conn, events.month(-9), 10)
    write()
    assert prune.prune(Context(database), LEARNING_EVENTS, Span(6, "m")).detached == (OLD,)
    assert_nothing_but_the_month_is_listed(database)
    assert parity.read(database, LEARNING_EVENTS, OLD) == []
    said: list[str] = []
    restore.restore(Context(database, tell=in_lines(said.append)), LEARNING_EVENTS, OLD)
    assert said == [f"attached {OLD}"]
    assert events.count(conn, OLD) == 10
    prune.prune(Context(database), LEARNING_EVENTS, Span(6, "m"))
    conn.execute(f"DROP TABLE {OLD}".encode())
    assert_nothing_odd(database)


def assert_nothing_but_the_month_is_listed(database: Database) -> None:
    """The detached month is odd, as it is everywhere."""
    listed = listing.listing(database, LEARNING_EVENTS).partitions
    assert [one.name for one in listed if one.oddities] == [OLD]


def test_a_new_partition_takes_over_what_can_be_set_alone(
    database: Database, conn: psycopg.Connection
) -> None:
    conn.execute(f"ALTER TABLE {events.name(3)} SET (fillfactor = 80)".encode())
    conn.execute(
        "ALTER TABLE ONLY learning_events ALTER COLUMN user_id SET (n_distinct_inherited = -0.1)"
    )
    conn.execute(OF_COLUMNS)
    conn.execute(OF_RELATIONS)
    four = Range(events.month(4, day=1), events.month(5, day=1))
    ensure.make(
        Context(database),
        LEARNING_EVENTS,
        lambda state: plan_range(LEARNING_EVENTS, state.partitions, four),
    )
    row = conn.execute(
        "SELECT c.reloptions, a.attoptions::text LIKE '%%n_distinct_inherited=-0.1%%',"
        " a.attoptions::text LIKE '%%pg_kept%%'"
        " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
        " WHERE c.relname = %s AND a.attname = 'user_id'",
        (events.name(4),),
    ).fetchone()
    assert row == (["fillfactor=80"], True, False)


def test_what_can_be_set_is_still_compared(database: Database, conn: psycopg.Connection) -> None:
    """An index's definition is what PostgreSQL prints: not looked at here."""
    conn.execute("ALTER TABLE users ALTER COLUMN email SET (n_distinct = 5)")
    conn.execute("ALTER TABLE users SET (fillfactor = 80, toast.autovacuum_enabled = off)")
    conn.execute("ALTER INDEX users_pkey SET (fillfactor = 80)")
    conn.execute(OF_COLUMNS)
    conn.execute(OF_RELATIONS)
    conn.execute(
        "UPDATE pg_class SET reloptions = reloptions || '{pg_kept=1}' WHERE relname = 'users_pkey'"
    )
    assert {
        (one.identity.name, one.attribute): one.found
        for one in check.run(database).drift
        if one.attribute != "definition"
    } == {
        ("email", "options"): ["n_distinct=5"],
        ("users", "storage parameters"): ["fillfactor=80", "toast.autovacuum_enabled=off"],
        ("users_pkey", "storage parameters"): ["fillfactor=80"],
    }


def test_a_repair_ends_where_a_partition_has_more_options_than_its_table(
    database: Database, conn: psycopg.Connection
) -> None:
    conn.execute(
        "ALTER TABLE ONLY learning_events ALTER COLUMN user_id SET (n_distinct_inherited = -0.1)"
    )
    conn.execute(f"ALTER TABLE {events.name(1)} ALTER COLUMN user_id SET (n_distinct = 7)".encode())
    assert len(repair.repair(Context(database), LEARNING_EVENTS)) == len(events.partitions(conn))
    assert repair.repair(Context(database), LEARNING_EVENTS) == []
