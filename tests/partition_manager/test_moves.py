"""A move of the default's rows, whatever the database, its users and the kernel do meanwhile."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.locks.context import Context
from lmsschema.partition_manager import heal
from lmsschema.partition_manager import listing as partition_listing
from lmsschema.partitions import LEARNING_EVENTS
from tests.support import events, healing
from tests.support.boundaries import Interlude, When, relayed
from tests.support.healing import SMALL
from tests.support.moving import DEFAULT, OTHERS, Opened, left_behind, once_copied, rows

#: What the exchange asks for first, with the other tables that foreign keys refer to.
EXCLUSIVE = 'LOCK TABLE ONLY "public"."users" IN ACCESS EXCLUSIVE MODE'


def set_for_all(unmoved: psycopg.Connection, name: str, value: str) -> None:
    """Give every later session of the database a setting."""
    unmoved.execute(
        sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
            sql.Identifier(unmoved.info.dbname), sql.Identifier(name), sql.Literal(value)
        )
    )


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_row_that_comes_right_before_the_locks_is_kept(
    unmoved: psycopg.Connection,
    upgraded_url: str,
    opened: Opened,
    isolation: str,
) -> None:
    """A snapshot from before the locks would not show it."""
    set_for_all(unmoved, "default_transaction_isolation", isolation)

    def insert(_: str) -> None:
        events.insert(unmoved, events.month(0), 3)
        unmoved.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,3)'")

    with relayed(upgraded_url, Interlude(EXCLUSIVE, insert)) as through:
        healed = heal.heal(Context(opened(through)), LEARNING_EVENTS, limits=SMALL)
    assert (healed.plan.method, healed.applied) == ("move", True)
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert unmoved.execute(late).fetchone() == (2,)
    assert events.count(unmoved) == 203


def test_a_change_that_replication_applies_is_noted(
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Where session_replication_role is replica, ordinary triggers do not fire."""

    def change() -> None:
        with unmoved.transaction():
            unmoved.execute("SET LOCAL session_replication_role TO replica")
            unmoved.execute("UPDATE learning_events SET event_action = 'late' WHERE ctid < '(0,5)'")

    context = Context(opened(upgraded_url), tell=once_copied(change))
    assert heal.heal(context, LEARNING_EVENTS, limits=SMALL).plan.method == "move"
    late = "SELECT count(*) FROM learning_events WHERE event_action = 'late'"
    assert unmoved.execute(late).fetchone() == (4,)


def test_what_comes_while_locks_are_waited_for_is_brought_over_before_them(
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Under the locks that the exchange gets at last, nothing is left to bring over."""
    with psycopg.connect(upgraded_url) as holder:
        ended = threading.Timer(0.4, holder.rollback)

        def hold(_: str) -> None:
            holder.execute("SELECT FROM users")
            events.insert(unmoved, events.month(0), 500)
            ended.start()

        boundary = Interlude(EXCLUSIVE, hold)
        with relayed(upgraded_url, boundary) as through:
            heal.heal(Context(opened(through)), LEARNING_EVENTS, limits=SMALL)
        ended.join()
    sent = [statement.text for statement in boundary.seen]
    tries = [at for at, text in enumerate(sent) if EXCLUSIVE in text]
    brought = [at for at, text in enumerate(sent) if 'USING "public"."' in text]
    assert tries[0] < max(brought) < tries[-1]
    assert len(tries) > 1
    assert events.count(unmoved) == 700


def test_the_claim_of_a_move_holds_no_snapshot(
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    """Else nothing of the whole database could be vacuumed until the move is over."""
    set_for_all(unmoved, "default_transaction_isolation", "repeatable read")
    seen: list[tuple[object, ...]] = []

    def look() -> None:
        seen.extend(
            unmoved.execute(
                "SELECT a.backend_xmin::text FROM pg_stat_activity AS a JOIN pg_locks AS l"
                " ON l.pid = a.pid AND l.locktype = 'advisory'"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = a.datname)"
                " WHERE a.datname = current_database()"
            ).fetchall()
        )

    context = Context(opened(upgraded_url), tell=once_copied(look))
    heal.heal(context, LEARNING_EVENTS, limits=SMALL)
    assert seen == [(None,)]


def test_a_role_that_may_make_no_temporary_tables(
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened, owner: str
) -> None:
    """Many databases take that right away from everybody."""
    events.insert(unmoved, "2100-01-01", 3)
    healed = heal.heal(Context(opened(owner)), LEARNING_EVENTS, limits=SMALL)
    assert (healed.plan.method, healed.applied) == ("move", True)
    events.drop(unmoved, events.name(0))
    events.insert(unmoved, events.month(0), 100)
    healed = heal.heal(Context(opened(owner)), LEARNING_EVENTS, limits=SMALL)
    assert (healed.plan.method, healed.plan.staying) == ("promote", 3)
    assert events.count(unmoved) == 203
    assert events.count(unmoved, DEFAULT) == 3
    assert unmoved.info.dbname in upgraded_url


@pytest.fixture
def owner(unmoved: psycopg.Connection, upgraded_url: str) -> Iterator[str]:
    """The URL of a role that owns learning_events, may create in its schema, and no more."""
    name = "owner_" + unmoved.info.dbname.rsplit("test_", 1)[-1]
    role = sql.Identifier(name)
    unmoved.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    for table in ["learning_events", *events.partitions(unmoved)]:
        unmoved.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role))
    unmoved.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(role))
    for table in ("users", "courses", "lessons", "sections"):
        unmoved.execute(
            sql.SQL("GRANT SELECT, UPDATE, REFERENCES ON {} TO {}").format(
                sql.Identifier(table), role
            )
        )
    unmoved.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(
            sql.Identifier(unmoved.info.dbname)
        )
    )
    yield conninfo.make_conninfo(upgraded_url, user=name, password="x")
    unmoved.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    unmoved.execute(sql.SQL("DROP OWNED BY {}").format(role))
    unmoved.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.mark.parametrize("apart", [True, False])
def test_a_default_with_the_longest_name_in_a_schema_of_two_words(
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened, *, apart: bool
) -> None:
    """Names of what a heal makes must not be cut, or be those of something else."""
    name = "Ä" * 31 + "x"
    unmoved.execute(
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(*map(sql.Identifier, (DEFAULT, name)))
    )
    if not apart:
        unmoved.execute(
            "DELETE FROM learning_events WHERE event_timestamp < %s", (events.month(-1),)
        )
    before = rows(unmoved)
    unmoved.execute('ALTER SCHEMA public RENAME TO "Campus North"')
    unmoved.execute('SET search_path TO "Campus North"')
    healed = heal.heal(Context(opened(upgraded_url, "Campus North")), LEARNING_EVENTS, limits=SMALL)
    assert (healed.plan.method, healed.applied) == ("move" if apart else "promote", True)
    assert rows(unmoved) == before
    assert events.count(unmoved, name) == 0
    assert events.partitions(unmoved)[name] == "DEFAULT"
    assert left_behind(unmoved) == []


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
    unmoved: psycopg.Connection, upgraded_url: str, opened: Opened
) -> None:
    database = opened(upgraded_url)
    named = unmoved.info.backend_pid, database.conn.info.backend_pid
    for text, at, when in KILLS:
        before = rows(unmoved)
        assert healing.killed(upgraded_url, text, at, when), text
        while unmoved.execute(OTHERS, [list(named)]).fetchone() != (0,):
            time.sleep(0.01)  # until the server has noticed
        assert rows(unmoved) == before
        assert left_behind(unmoved), text
        assert partition_listing.health(database, LEARNING_EVENTS).move_interrupted
        events.insert(unmoved, events.month(0), 2)
        events.insert(unmoved, events.month(-7), 2)
        unmoved.execute("UPDATE learning_events SET event_action = 'b' WHERE ctid < '(0,2)'")
        unmoved.execute("DELETE FROM learning_events WHERE ctid = '(1,7)'")
    before = rows(unmoved)
    healed = heal.heal(Context(database), LEARNING_EVENTS, limits=SMALL)
    assert (healed.plan.method, healed.applied) == ("move", True)
    assert rows(unmoved) == before
    assert events.count(unmoved, DEFAULT) == 0
    assert left_behind(unmoved) == []
    listing = partition_listing.listing(database, LEARNING_EVENTS)
    assert [one.oddities for one in listing.partitions] == [()] * 6
