"""Making partitions: on an idle table, a busy one, a strange one, by a role with few rights."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import conninfo, errors, sql

from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, Patience, in_lines
from lmsschema.partition_manager import ensure, inheritance, repair
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partitions import LEARNING_EVENTS, Interval, Policy
from tests.support import events

Opened = Callable[..., Database]

SOON = Patience(total=1.5)

#: Twelve months more than there are.
TWELVE = replace(LEARNING_EVENTS, ahead=15)


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        yield connection


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that psycopg sends from now on, but for those of the pool's own thread."""
    sent: list[str] = []
    real = psycopg.Connection.execute

    def execute(conn: psycopg.Connection, query: object, *arguments: object) -> object:
        if threading.current_thread() is threading.main_thread():
            sent.append(query.as_string(conn) if isinstance(query, sql.Composable) else str(query))
        return real(conn, query, *arguments)  # type: ignore[call-overload]  # passed on as they came

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    return sent


def test_nothing_to_do_is_one_query(
    upgraded_url: str, opened: Opened, statements: list[str]
) -> None:
    database = opened(upgraded_url)
    statements.clear()
    outcome = ensure.ensure(Context(database), LEARNING_EVENTS)
    assert outcome.done == ()
    settings, query = statements
    assert settings.startswith("SELECT pg_catalog.set_config")
    assert "pg_inherits" in query


def test_twelve_months_under_load(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    instants = [str(events.month(offset)) for offset in range(4)]
    with events.load(upgraded_url, instants) as load:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert not load.errors
    assert len(outcome.done) == 12
    assert events.count(conn) == load.inserted > 0
    assert not ensure.ensure(Context(opened(upgraded_url)), TWELVE).done


def test_inserts_that_the_default_would_have_taken_are_not_refused(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Rows of a month arrive while its partition is made: in the default, or in it."""
    instants = [str(events.month(offset)) for offset in range(4, 16)]
    with events.load(upgraded_url, instants) as load:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert not load.errors
    assert events.count(conn) == load.inserted > 0
    assert not outcome.blocked
    assert outcome.until is not None
    assert outcome.until >= events.month(16, day=1)


def test_a_writer_that_holds_users_is_named_and_what_was_made_stays(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    told: list[str] = []
    with psycopg.connect(upgraded_url) as writer:
        writer.execute("UPDATE users SET last_active_at = now() WHERE username = 'u2'")
        with pytest.raises(LockTimeoutError) as caught:
            ensure.ensure(Context(opened(upgraded_url), SOON, tell=in_lines(told.append)), TWELVE)
        pid = writer.info.backend_pid
        writer.rollback()
    assert f"pid {pid}" in caught.value.message
    assert "UPDATE users SET last_active_at" in caught.value.message
    assert "idle in transaction" in caught.value.message
    assert any(f"pid {pid}" in line for line in told)
    assert len(events.partitions(conn)) == 5
    ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert len(events.partitions(conn)) == 17


def test_others_wait_no_longer_than_the_longest_lock_wait(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """While a transaction holds users, the run must not make everyone else queue behind it."""
    database = opened(upgraded_url)
    longest = 0.0
    with psycopg.connect(upgraded_url) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("UPDATE users SET last_active_at = now() WHERE username = 'u2'")
        run = pool.submit(ensure.ensure, Context(database, Patience(total=4)), TWELVE)
        while not run.done():
            begin = time.monotonic()
            conn.execute("UPDATE users SET last_active_at = now() WHERE username = 'u3'")
            longest = max(longest, time.monotonic() - begin)
        writer.rollback()
    assert isinstance(run.exception(), LockTimeoutError)
    assert 0.02 < longest < Patience().longest + 0.3


def test_a_long_reader_of_the_default(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT count(*) FROM learning_events")
        with pytest.raises(LockTimeoutError, match=f"pid {reader.info.backend_pid}"):
            ensure.ensure(Context(opened(upgraded_url), SOON), TWELVE)
        conn.execute("SET lock_timeout TO '1s'")
        events.insert(conn, events.month(0))


def test_a_transaction_in_the_other_order_gets_no_deadlock(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """It inserts an event and then updates a user; the run goes from users to events."""
    stop = threading.Event()
    met: list[str] = []

    def work() -> None:
        with psycopg.connect(upgraded_url, autocommit=True) as other:
            while not stop.is_set():
                try:
                    with other.transaction():
                        events.insert(other, events.month(0))
                        other.execute(
                            "UPDATE users SET last_active_at = now() WHERE username = 'u4'"
                        )
                except psycopg.Error as error:
                    met.append(str(error))
                    return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        outcome = ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert met == []
    assert len(outcome.done) == 12
    assert len(events.partitions(conn)) == 17


def test_two_runs_at_once(conn: psycopg.Connection, upgraded_url: str, opened: Opened) -> None:
    told: list[str] = []
    databases = [opened(upgraded_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(ensure.ensure, Context(database, tell=in_lines(told.append)), TWELVE)
            for database in databases
        ]
        outcomes = [run.result() for run in runs]
    made = [action.name for outcome in outcomes for action in outcome.done]
    assert len(made) == len(set(made)) == 12
    assert len(events.partitions(conn)) == 17


def test_while_another_run_is_at_work_it_says_so(upgraded_url: str, opened: Opened) -> None:
    told: list[str] = []
    first, second = opened(upgraded_url), opened(upgraded_url)
    with first.transaction() as conn:
        from lmsschema.partition_manager import state

        state.claim(conn, first, LEARNING_EVENTS)
        outcome = ensure.ensure(Context(second, tell=in_lines(told.append)), TWELVE)
    assert (outcome.busy, outcome.done) == (True, ())
    assert told == ["another run is at work on the partitions of learning_events: left to it"]


def test_somebody_else_s_table_stays_as_it_is(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    name = events.name(5)
    conn.execute(sql.SQL("CREATE TABLE {} (note text)").format(sql.Identifier(name)))
    conn.execute(sql.SQL("INSERT INTO {} VALUES ('mine')").format(sql.Identifier(name)))
    with pytest.raises(UnsafeError, match=name):
        ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert events.count(conn, name) == 1
    found = events.partitions(conn)
    assert name not in found
    assert len(found) == 16  # all others are there


def test_somebody_else_s_type_of_that_name_stays(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    conn.execute(sql.SQL("CREATE TYPE {} AS ENUM ('a')").format(sql.Identifier(events.name(5))))
    with pytest.raises(UnsafeError, match=events.name(5)):
        ensure.ensure(Context(opened(upgraded_url)), TWELVE)
    assert len(events.partitions(conn)) == 16  # all others are there


def test_an_empty_table_with_a_name_taken(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *events.partitions(conn))
    conn.execute("CREATE VIEW learning_events_default AS SELECT 1 AS one")
    with pytest.raises(UnsafeError, match="learning_events_default"):
        ensure.ensure(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert list(events.partitions(conn)) == [events.name(n) for n in range(4)]


def test_cron_down_without_a_default(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Rows are refused until the run, not after it; history keeps its hole."""
    policy = replace(LEARNING_EVENTS, default=False)
    events.drop(conn, *events.partitions(conn))
    database = opened(upgraded_url)
    with pytest.raises(errors.CheckViolation):
        events.insert(conn, events.month(0))
    ensure.ensure(Context(database), policy)
    events.insert(conn, events.month(0))
    assert "learning_events_default" not in events.partitions(conn)
    assert not ensure.ensure(Context(database), policy).done


def test_a_year_made_by_hand_is_left_and_built_around(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *(events.name(n) for n in range(4)))
    first = events.month(1, day=1)
    conn.execute(
        sql.SQL(
            "CREATE TABLE by_hand PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
        ).format(sql.Literal(str(first)), sql.Literal(str(events.month(13, day=11))))
    )
    database = opened(upgraded_url)
    ensure.ensure(Context(database), TWELVE)
    found = events.partitions(conn)
    assert "by_hand" in found
    assert events.name(0) in found
    assert events.name(13) in found  # its rest, from the 11th
    assert str(events.month(13, day=11).date()) in found[events.name(13)]
    assert not ensure.ensure(Context(database), TWELVE).done
    assert partition_listing.health(database, TWELVE).holes == ()


def test_a_set_made_under_another_time_zone(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    events.drop(conn, *(events.name(n) for n in range(4)))
    conn.execute("SET TimeZone TO 'America/New_York'")
    for offset in (0, 1):
        conn.execute(
            sql.SQL(
                "CREATE TABLE {} PARTITION OF learning_events FOR VALUES FROM ({}) TO ({})"
            ).format(
                sql.Identifier(events.name(offset)),
                sql.Literal(f"{events.month(offset):%Y-%m-01}"),
                sql.Literal(f"{events.month(offset + 1):%Y-%m-01}"),
            )
        )
    conn.execute("SET TimeZone TO 'UTC'")
    database = opened(upgraded_url)
    outcome = ensure.ensure(Context(database), LEARNING_EVENTS)
    assert outcome.done
    assert not ensure.ensure(Context(database), LEARNING_EVENTS).done
    assert partition_listing.health(database, LEARNING_EVENTS).holes == ()
    listed = {
        one.name: one for one in partition_listing.listing(database, LEARNING_EVENTS).partitions
    }
    assert any("but on it in America/" in odd for odd in listed[events.name(0)].oddities)


def cut_detach_short(conn: psycopg.Connection, name: str) -> None:
    """Leave a partition's detach pending; somebody has to hold a snapshot."""
    conn.execute("SET statement_timeout TO '200ms'")
    with pytest.raises(errors.QueryCanceled):
        conn.execute(
            sql.SQL("ALTER TABLE learning_events DETACH PARTITION {} CONCURRENTLY").format(
                sql.Identifier(name)
            )
        )
    conn.execute("RESET statement_timeout")


def test_a_detach_that_was_interrupted_in_the_window_is_undone(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    policy = replace(LEARNING_EVENTS, default=False)
    events.drop(conn, "learning_events_default")
    events.insert(conn, events.month(1), 7)
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT count(*) FROM learning_events")
        cut_detach_short(conn, events.name(1))
    assert events.count(conn) == 0
    database = opened(upgraded_url)
    assert partition_listing.health(database, policy).detach_pending == (events.name(1),)
    ensure.ensure(Context(database), policy)
    assert events.count(conn) == 7
    assert not ensure.ensure(Context(database), policy).done


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
