"""A move of the default's rows, whatever the database, its users and the kernel do meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database.connection import Database
from lmsschema.doctor import examine
from lmsschema.drift import check
from lmsschema.drift import text as drift_text
from lmsschema.errors import LockTimeoutError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Patience
from lmsschema.locks.ladder import Lock
from lmsschema.partition_manager import capture, ensure, heal, heal_plan, state
from lmsschema.partition_manager import health as partition_health
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partition_manager import move as partition_move
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events, healing
from tests.support.boundaries import When

Opened = Callable[..., Database]

DEFAULT = "learning_events_default"


@pytest.fixture
def conn(upgraded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A default with rows of two months that lie apart, so that they have to be moved."""
    monkeypatch.setattr(heal_plan, "FEW", 10)
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        events.people(connection)
        events.drop(connection, events.name(0))
        events.insert(connection, events.month(0), 100)
        events.insert(connection, events.month(-7), 100)
        yield connection


def set_for_all(conn: psycopg.Connection, name: str, value: str) -> None:
    """Give every later session of the database a setting."""
    conn.execute(
        sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
            sql.Identifier(conn.info.dbname), sql.Identifier(name), sql.Literal(value)
        )
    )


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_row_that_comes_right_before_the_locks_is_kept(
    conn: psycopg.Connection,
    upgraded_url: str,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    isolation: str,
) -> None:
    """A snapshot from before the locks would not show it."""
    set_for_all(conn, "default_transaction_isolation", isolation)
    take = ladder.take

    def insert_and_take(
        own: psycopg.Connection,
        wanted: Sequence[Lock],
        wait: float,
        then: Sequence[sql.Composed] = (),
    ) -> None:
        if any((lock.table, lock.mode) == ("users", "ACCESS EXCLUSIVE") for lock in wanted):
            events.insert(conn, events.month(0), 3)
            conn.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,3)'")
        take(own, wanted, wait, then)

    monkeypatch.setattr(ladder, "take", insert_and_take)
    healed = heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move", True)
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert conn.execute(late).fetchone() == (2,)
    assert events.count(conn) == 203


def test_a_change_that_replication_applies_is_noted(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where session_replication_role is replica, ordinary triggers do not fire."""
    copy = partition_move.Move.copy

    def copy_and_change(move: partition_move.Move) -> None:
        copy(move)
        with conn.transaction():
            conn.execute("SET LOCAL session_replication_role TO replica")
            conn.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,5)'")

    monkeypatch.setattr(partition_move.Move, "copy", copy_and_change)
    heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert conn.execute(late).fetchone() == (4,)


def test_what_comes_while_locks_are_waited_for_is_brought_over_before_them(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[tuple[int | None, bool]] = []
    apply, bring_over = capture.apply, partition_move.Move.bring_over

    def noted(
        own: psycopg.Connection,
        log: capture.Capture,
        targets: Sequence[tuple[str, sql.Composable]],
    ) -> int | None:
        count = apply(own, log, targets)
        found = own.execute(
            "SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND granted"
            " AND mode = 'AccessExclusiveLock' AND relation = 'users'::regclass"
        ).fetchone()
        brought.append((count, found is not None))
        return count

    with psycopg.connect(upgraded_url) as holder:
        ended = threading.Timer(0.4, holder.rollback)

        def hold(move: partition_move.Move, own: psycopg.Connection) -> None:
            bring_over(move, own)
            if ended.ident is None:  # not started yet
                holder.execute("SELECT FROM users")
                events.insert(conn, events.month(0), 500)
                ended.start()

        monkeypatch.setattr(capture, "apply", noted)
        with monkeypatch.context() as first_try:
            first_try.setattr(partition_move.Move, "bring_over", hold)
            heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
        ended.join()
    assert [count for count, locked in brought if locked] == [0]
    assert max(count or 0 for count, _ in brought) == 500
    assert events.count(conn) == 700


def test_the_claim_of_a_move_holds_no_snapshot(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing of the whole database could be vacuumed until the move is over."""
    set_for_all(conn, "default_transaction_isolation", "repeatable read")
    seen: list[tuple[object, ...]] = []
    copy = partition_move.Move.copy

    def look_and_copy(move: partition_move.Move) -> None:
        seen.extend(
            conn.execute(
                "SELECT a.backend_xmin::text FROM pg_stat_activity AS a JOIN pg_locks AS l"
                " ON l.pid = a.pid AND l.locktype = 'advisory'"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = a.datname)"
                " WHERE a.datname = current_database()"
            ).fetchall()
        )
        copy(move)

    monkeypatch.setattr(partition_move.Move, "copy", look_and_copy)
    heal.heal(Context(opened(upgraded_url)), LEARNING_EVENTS)
    assert seen == [(None,)]


def test_a_role_that_may_make_no_temporary_tables(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, owner: str
) -> None:
    """Many databases take that right away from everybody."""
    events.insert(conn, "2100-01-01", 3)
    healed = heal.heal(Context(opened(owner)), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move", True)
    events.drop(conn, events.name(0))
    events.insert(conn, events.month(0), 100)
    healed = heal.heal(Context(opened(owner)), LEARNING_EVENTS)
    assert (healed.plan.method, healed.plan.staying) == ("promote", 3)
    assert events.count(conn) == 203
    assert events.count(conn, DEFAULT) == 3
    assert conn.info.dbname in upgraded_url


@pytest.fixture
def owner(conn: psycopg.Connection, upgraded_url: str) -> Iterator[str]:
    """The URL of a role that owns learning_events, may create in its schema, and no more."""
    name = "owner_" + conn.info.dbname.rsplit("test_", 1)[-1]
    role = sql.Identifier(name)
    conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    for table in ["learning_events", *events.partitions(conn)]:
        conn.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    conn.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    for table in ("users", "courses", "lessons", "sections"):
        conn.execute(
            sql.SQL("GRANT SELECT, UPDATE, REFERENCES ON {} TO {}").format(
                sql.Identifier(table), role
            )
        )
    conn.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
    conn.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize("apart", [True, False])
def test_a_default_with_the_longest_name_in_a_schema_of_two_words(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened, *, apart: bool
) -> None:
    """Names of what a heal makes must not be cut, or be those of something else."""
    name = "Ä" * 31 + "x"
    conn.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(*map(sql.Identifier, (DEFAULT, name)))
    )
    if not apart:
        conn.execute("DELETE FROM learning_events WHERE event_timestamp < %s", (events.month(-1),))
    before = rows(conn)
    conn.execute('ALTER SCHEMA public RENAME TO "Campus North"')
    conn.execute('SET search_path TO "Campus North"')
    healed = heal.heal(Context(opened(upgraded_url, "Campus North")), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move" if apart else "promote", True)
    assert rows(conn) == before
    assert events.count(conn, name) == 0
    assert events.partitions(conn)[name] == "DEFAULT"
    assert left_behind(conn) == []


#: Where a process is killed, one after the other on what the one before has left: the statement,
#: the how-manieth of its kind, before it or once it is sent.
KILLS: tuple[tuple[str, int, When], ...] = (
    ("CREATE UNLOGGED TABLE", 1, "before"),  # the copy's tables are there, the trigger is not
    ("INSERT INTO", 5, "sent"),
    ("DROP TABLE", 2, "before"),  # removing what the one before has left
    ('SET "lmsschema_taken"', 1, "before"),  # copied, before it catches up
    ("ADD CONSTRAINT", 7, "sent"),
    ("DETACH PARTITION", 1, "before"),  # under the locks of the exchange
    ("ATTACH PARTITION", 1, "sent"),  # the exchange is made, and not committed
)


def test_a_move_that_is_killed_anywhere_is_done_again(
    conn: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    database = opened(upgraded_url)
    named = conn.info.backend_pid, database.conn.info.backend_pid
    for text, at, when in KILLS:
        before = rows(conn)
        assert healing.killed(upgraded_url, text, at, when), text
        while conn.execute(OTHERS, [list(named)]).fetchone() != (0,):
            time.sleep(0.01)  # until the server has noticed
        assert rows(conn) == before
        assert left_behind(conn), text
        assert partition_listing.health(database, LEARNING_EVENTS).move_interrupted
        events.insert(conn, events.month(0), 2)
        events.insert(conn, events.month(-7), 2)
        conn.execute("UPDATE learning_events SET event_action = 'b' WHERE ctid < '(0,2)'")
        conn.execute("DELETE FROM learning_events WHERE ctid = '(1,7)'")
    before = rows(conn)
    healed = heal.heal(Context(database), LEARNING_EVENTS)
    assert (healed.plan.method, healed.applied) == ("move", True)
    assert rows(conn) == before
    assert events.count(conn, DEFAULT) == 0
    assert left_behind(conn) == []
    listing = partition_listing.listing(database, LEARNING_EVENTS)
    assert [one.oddities for one in listing.partitions] == [()] * 6


OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)
"""


def rows(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    """Return the events: identity, time, and what was last done to them."""
    return conn.execute(
        "SELECT id, event_timestamp, event_action FROM learning_events ORDER BY 1, 2"
    ).fetchall()


def left_behind(conn: psycopg.Connection) -> list[str]:
    """Return the names of what a move makes for itself alone."""
    found = conn.execute(
        "SELECT relname FROM pg_class WHERE relname ~ 'heal|_new$' UNION ALL"
        " SELECT proname FROM pg_proc WHERE proname ~ 'heal_log' UNION ALL"
        " SELECT tgname FROM pg_trigger WHERE tgname ~ 'heal_log' UNION ALL"
        " SELECT conname FROM pg_constraint WHERE conname = 'lmsschema_bounds' UNION ALL"
        " SELECT relname FROM pg_class WHERE obj_description(oid, 'pg_class') ~ 'not over'"
    ).fetchall()
    return [name for (name,) in found]


@pytest.fixture
def interrupted(conn: psycopg.Connection, upgraded_url: str, opened: Opened) -> Database:
    """A database whose move was killed while it copied."""
    assert healing.killed(upgraded_url, "INSERT INTO", 3, "sent")
    while conn.execute(OTHERS, [[conn.info.backend_pid]]).fetchone() != (0,):
        time.sleep(0.01)
    return opened(upgraded_url)


def test_what_is_left_of_a_move_is_reported_with_what_ends_it(
    interrupted: Database, conn: psycopg.Connection
) -> None:
    drift = check.run(interrupted).drift
    said = [drift_text.describe(one) for one in drift if one.attribute == "move of rows"]
    assert said == [
        (
            "table learning_events: move of rows: expected none, "
            "found an unfinished one (lmsschema partitions heal ends it)"
        )
    ]
    assert not [one for one in drift if one.identity.kind in {"trigger", "function"}]
    assert check.run(interrupted).unmanaged == ()
    [finding] = [
        one for one in examine.examine(interrupted).findings if "interrupted" in one.message
    ]
    assert finding.remedy == ("lmsschema partitions heal --schema public",)
    odd = {
        one.name: one.oddities[0]
        for one in partition_listing.listing(interrupted, LEARNING_EVENTS).partitions
        if one.oddities
    }
    copies = {events.name(0), events.name(-7), f"{DEFAULT}_new", f"{DEFAULT}_heal_log"}
    assert set(odd) == {DEFAULT} | copies
    assert all("partitions heal ends it" in oddity for oddity in odd.values())
    health = partition_listing.health(interrupted, LEARNING_EVENTS)
    assert "lmsschema_partitions_move_cut_short" in partition_health.as_prometheus([health])
    with state.claimed(interrupted, LEARNING_EVENTS):  # as the move itself does
        assert not partition_listing.health(interrupted, LEARNING_EVENTS).move_interrupted
    assert conn.info.dbname == interrupted.conn.info.dbname


@pytest.mark.parametrize("left", [0, 100])
def test_what_is_left_of_a_move_goes_although_there_is_nothing_to_move_any_more(
    interrupted: Database, conn: psycopg.Connection, left: int
) -> None:
    """Else the trigger would note each change for ever, in what was promoted too."""
    conn.execute("DELETE FROM learning_events WHERE event_timestamp < %s", (events.month(-1),))
    if not left:
        conn.execute("DELETE FROM learning_events")
    healed = heal.heal(Context(interrupted), LEARNING_EVENTS)
    assert healed.plan.method == ("promote" if left else "nothing")
    assert events.count(conn) == left
    assert left_behind(conn) == []


def test_ensure_removes_what_is_left_of_a_move(
    interrupted: Database, conn: psycopg.Connection
) -> None:
    """A copy that has a month's name must not keep the month from being made."""
    conn.execute("DELETE FROM learning_events")
    outcome = ensure.ensure(Context(interrupted), LEARNING_EVENTS)
    assert [action.name for action in outcome.done] == [events.name(0)]
    assert left_behind(conn) == []
    assert not ensure.ensure(Context(interrupted), LEARNING_EVENTS).done


def test_ensure_makes_months_while_what_is_left_of_a_move_can_t_be_removed(
    interrupted: Database, conn: psycopg.Connection, upgraded_url: str
) -> None:
    policy = replace(LEARNING_EVENTS, ahead=5, default=False)
    conn.execute("ALTER TABLE learning_events DETACH PARTITION learning_events_default")
    with psycopg.connect(upgraded_url) as reader:
        reader.execute("SELECT FROM learning_events_default")
        with pytest.raises(LockTimeoutError, match=f"pid {reader.info.backend_pid}"):
            ensure.ensure(Context(interrupted, Patience(total=0.3)), policy)
    assert {events.name(4), events.name(5)} <= set(events.partitions(conn))
