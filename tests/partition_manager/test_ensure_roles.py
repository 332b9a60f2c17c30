"""Roles, what partitions take over from their table, and tables of other shapes."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.errors import LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, Patience
from lmsschema.partition_manager import ensure, inheritance, repair
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partitions import LEARNING_EVENTS, Interval, Policy
from tests.support import events
from tests.support.ensuring import TWELVE, Opened, cut_detach_short


def test_who_keeps_such_a_detach_from_its_end_is_named_and_months_are_made(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    policy = replace(LEARNING_EVENTS, default=False, ahead=5)
    events.drop(conn, "learning_events_default", events.name(3))
    patience = Patience(total=1, first=0.05, longest=0.1)
    with psycopg.connect(upgraded_url) as reader, psycopg.connect(upgraded_url) as other:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM learning_events")
        cut_detach_short(conn, events.name(1))
        seen: set[str] = set()
        over = threading.Event()

        def look() -> None:
            """Note what is locked, or asked for, on a table that foreign keys refer to."""
            other.autocommit = True
            while not over.is_set():
                # databases copied from one template have tables of the same oid
                held = (
                    "SELECT mode FROM pg_locks AS l INNER JOIN pg_database AS d"
                    " ON l.database = d.oid AND d.datname = current_database()"
                    " WHERE l.relation = 'users'::regclass"
                )
                seen.update(mode for (mode,) in other.execute(held).fetchall())

        observer = threading.Thread(target=look)
        observer.start()
        try:
            with pytest.raises(LockTimeoutError) as gave_up:
                ensure.ensure(Context(opened(upgraded_url), patience), policy)
        finally:
            over.set()
            observer.join()
        assert f"did not finish the detach of {events.name(1)}" in gave_up.value.message
        assert f"pid {reader.info.backend_pid}" in gave_up.value.message
        assert "AccessExclusiveLock" not in seen  # no reader waits while we wait for another one
        assert {events.name(n) for n in (3, 4, 5)} <= set(events.partitions(conn))
    assert ensure.ensure(Context(opened(upgraded_url)), policy).done
    assert not ensure.ensure(Context(opened(upgraded_url)), policy).done


@pytest.fixture
def owner(conn: psycopg.Connection) -> Iterator[tuple[str, str]]:
    """A role that owns learning_events and no more, and one that may read it."""
    suffix = conn.info.dbname.rsplit("test_", 1)[-1]
    names = (f"owner_{suffix}", f"reader_{suffix}")
    for name in names:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name)))
    yield names
    for name in names:
        conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(name)))
        conn.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_role_that_owns_the_table_and_no_more(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, owner: tuple[str, str]
) -> None:
    role = sql.Identifier(owner[0])
    conn.execute(sql.SQL("ALTER TABLE learning_events OWNER TO {}").format(role))
    for name in events.partitions(conn):
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(name), role))
    conn.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    url = conninfo.make_conninfo(upgraded_url, user=owner[0], password="x")
    outcome = ensure.ensure(Context(opened(url)), TWELVE)
    assert len(outcome.done) == 12


def test_a_role_without_rights_is_told_so(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, owner: tuple[str, str]
) -> None:
    url = conninfo.make_conninfo(upgraded_url, user=owner[1], password="x")
    with pytest.raises(LmsschemaError) as caught:
        ensure.ensure(Context(opened(url)), TWELVE)
    assert caught.value.exit_code == 4
    assert len(events.partitions(conn)) == 5


def test_a_role_that_may_only_read_can_check(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, owner: tuple[str, str]
) -> None:
    url = conninfo.make_conninfo(upgraded_url, user=owner[1], password="x")
    with pytest.raises(LmsschemaError) as caught:
        partition_listing.health(opened(url), LEARNING_EVENTS)
    assert caught.value.hint.startswith('GRANT SELECT ON "public"."learning_events_default" TO "')
    conn.execute(caught.value.hint)
    assert partition_listing.health(opened(url), LEARNING_EVENTS).default_rows == 0


INHERITED = {
    "owner": "ALTER TABLE learning_events OWNER TO {0}",
    "grant": "GRANT SELECT, INSERT ON learning_events TO {1} WITH GRANT OPTION",
    "public": "GRANT SELECT ON learning_events TO PUBLIC",
    "column": "GRANT UPDATE (event_data) ON learning_events TO {1}",
    "enable": "ALTER TABLE learning_events ENABLE ROW LEVEL SECURITY",
    "force": "ALTER TABLE learning_events FORCE ROW LEVEL SECURITY",
    "policy": "CREATE POLICY own ON learning_events FOR SELECT TO {1} USING"
    " (EXISTS (SELECT FROM users AS u WHERE u.id = learning_events.user_id AND u.role = 'ta'))",
    "restrictive": "CREATE POLICY strict ON learning_events AS RESTRICTIVE USING (true)"
    " WITH CHECK (event_type <> '')",
    "target": "ALTER TABLE ONLY learning_events ALTER COLUMN event_type SET STATISTICS 500",
    "distinct": "ALTER TABLE ONLY learning_events ALTER COLUMN user_id"
    " SET (n_distinct_inherited = -0.1)",
    "column comment": "COMMENT ON COLUMN learning_events.event_type IS 'kind'",
    "statistics": "CREATE STATISTICS pairs (ndistinct, mcv) ON user_id, course_id"
    " FROM learning_events",
    "identity": "ALTER TABLE learning_events REPLICA IDENTITY FULL",
    "index": "ALTER TABLE learning_events REPLICA IDENTITY USING INDEX learning_events_pkey",
}


@pytest.mark.parametrize("change", INHERITED)
def test_what_the_table_has_its_partitions_get(
    conn: psycopg.Connection,
    upgraded_url: str,
    opened: Opened,
    owner: tuple[str, str],
    change: str,
) -> None:
    """New ones at once, older ones by a repair, which run again finds nothing."""
    database = opened(upgraded_url)
    with database.transaction(read_only=True):
        assert inheritance.differences(database, LEARNING_EVENTS) == []
    conn.execute(sql.SQL(INHERITED[change]).format(*map(sql.Identifier, owner)))
    made = ensure.ensure(Context(database), replace(LEARNING_EVENTS, ahead=4)).done
    with database.transaction(read_only=True):
        found = inheritance.differences(database, LEARNING_EVENTS)
    assert len(made) == 1
    assert {one.partition for one in found} == set(events.partitions(conn)) - {made[0].name}
    run = repair.repair(Context(database), LEARNING_EVENTS)
    assert len(run) == len(found)
    with database.transaction(read_only=True):
        assert inheritance.differences(database, LEARNING_EVENTS) == []


def test_a_partition_without_a_comment_gets_the_table_s(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    name = sql.Identifier(events.name(1))
    conn.execute(sql.SQL("COMMENT ON TABLE {} IS NULL").format(name))
    conn.execute(sql.SQL("COMMENT ON TABLE {} IS 'our own'").format(sql.Identifier(events.name(2))))
    conn.execute("COMMENT ON TABLE learning_events IS 'what ''they'' did'")
    repair.repair(Context(opened(upgraded_url)), LEARNING_EVENTS)
    comments = conn.execute(
        "SELECT obj_description(c::regclass, 'pg_class') FROM unnest(%s::text[]) AS c",
        ([events.name(1), events.name(2)],),
    ).fetchall()
    assert comments == [("what 'they' did",), ("our own",)]


def test_storage_parameters_are_those_of_the_newest(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    conn.execute(
        sql.SQL("ALTER TABLE {} SET (fillfactor = 80, toast.autovacuum_enabled = false)").format(
            sql.Identifier(events.name(3))
        )
    )
    ensure.ensure(Context(opened(upgraded_url)), replace(LEARNING_EVENTS, ahead=4))
    row = conn.execute(
        "SELECT reloptions FROM pg_class WHERE relname = %s", (events.name(4),)
    ).fetchone()
    assert row == (["fillfactor=80"],)


@pytest.mark.parametrize("schema", ["Campus North", "public"])
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/New_York"])
def test_any_session_and_any_schema(
    conn: psycopg.Connection, database_url: str, opened: Opened, schema: str, zone: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as own:
        own.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        name = sql.Identifier(own.info.dbname)
        for setting, value in (
            ("TimeZone", zone),
            ("DateStyle", "SQL, DMY"),
            ("search_path", ""),
            ("IntervalStyle", "sql_standard"),
        ):
            own.execute(
                sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                    name, sql.Identifier(setting), sql.Literal(value)
                )
            )
        own.execute(
            sql.SQL(
                "CREATE TABLE {}.learning_events (event_timestamp timestamptz NOT NULL)"
                " PARTITION BY RANGE (event_timestamp)"
            ).format(sql.Identifier(schema))
        )
    database = opened(database_url, schema)
    assert len(ensure.ensure(Context(database), LEARNING_EVENTS).done) == 5
    assert not ensure.ensure(Context(database), TWELVE).blocked
    assert not ensure.ensure(Context(database), TWELVE).done
    listing = partition_listing.listing(database, LEARNING_EVENTS)
    assert [one.oddities for one in listing.partitions] == [()] * 17
    assert listing.holes == ()
    assert conn.info.dbname  # the fixture's database is another one, and untouched


@pytest.mark.parametrize("key", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("interval", ["day", "week", "month"])
def test_a_second_table_with_another_key_and_grid(
    connection: psycopg.Connection, database_url: str, opened: Opened, key: str, interval: Interval
) -> None:
    connection.execute(
        sql.SQL("CREATE TABLE logins (at {} NOT NULL, id int) PARTITION BY RANGE (at)").format(
            sql.SQL(key)
        )
    )
    policy = Policy("logins", "at", interval, ahead=7)
    database = opened(database_url)
    assert len(ensure.ensure(Context(database), policy).done) == 9
    assert not ensure.ensure(Context(database), policy).done
    connection.execute("INSERT INTO logins SELECT now() AT TIME ZONE 'UTC'")
    assert events.count(connection, "logins_default") == 0
    assert partition_listing.health(database, policy).default_rows == 0


def test_a_table_that_is_not_partitioned_so_is_refused(
    connection: psycopg.Connection, database_url: str, opened: Opened
) -> None:
    database = opened(database_url)
    with pytest.raises(LmsschemaError, match="no table learning_events"):
        ensure.ensure(Context(database), LEARNING_EVENTS)
    connection.execute("CREATE TABLE learning_events (event_timestamp timestamptz)")
    with pytest.raises(UnsafeError, match="not partitioned by range of event_timestamp"):
        ensure.ensure(Context(database), LEARNING_EVENTS)
