"""A real subscriber keeps up while the publisher's default is promoted, moved, and months go."""

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from tests.support import events
from tests.support.clocked import clocked
from tests.support.program import Outcome, Program

DEFAULT = "learning_events_default"


class Side:
    """One of the two databases."""

    def __init__(self, url: str, conn: psycopg.Connection, program: Program) -> None:
        self.url = url
        self.conn = conn
        self._program = program

    def run(self, *command: str) -> Outcome:
        return self._program(*command, "--url", self.url)

    def rows(self, table: str = "learning_events") -> list[tuple[object, ...]]:
        return self.conn.execute(
            sql.SQL("SELECT id, event_timestamp, event_action FROM {} ORDER BY 1").format(
                sql.Identifier(table)
            )
        ).fetchall()

    def listed(self) -> list[tuple[object, ...]]:
        """Return the tables that publications list by name, with columns and condition."""
        return self.conn.execute(
            "SELECT tablename, array_length(attnames, 1), rowfilter FROM pg_publication_tables"
            " ORDER BY 1"
        ).fetchall()


@pytest.fixture(scope="module")
def server(lmsschema: Program) -> Iterator[str]:
    """A server of one's own, with a database that has people and no current month."""
    with clocked(wal_level="logical", max_wal_senders="10", synchronous_commit="on") as made:
        url = made.start()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE DATABASE base")
        base = conninfo.make_conninfo(url, dbname="base")
        assert lmsschema("upgrade", "--url", base).code == 0
        with psycopg.connect(base, autocommit=True) as conn:
            events.people(conn)
            events.drop(conn, events.name(0), events.name(1))
        yield url


@pytest.fixture
def sides(server: str, lmsschema: Program) -> Iterator[tuple[Side, Side]]:
    """A publisher and a subscriber that has the same tables and people."""
    with contextlib.ExitStack() as stack:
        found = []
        admin = stack.enter_context(psycopg.connect(server, autocommit=True))
        for name in ("publisher", "subscriber"):
            database = sql.Identifier(name)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(database))
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE base").format(database))
            url = conninfo.make_conninfo(server, dbname=name)
            conn = stack.enter_context(psycopg.connect(url, autocommit=True))
            found.append(Side(url, conn, lmsschema))
        yield found[0], found[1]
        for state in ("DISABLE", "SET (slot_name = NONE)"):
            found[1].conn.execute(f"ALTER SUBSCRIPTION s {state}".encode())
        found[1].conn.execute("DROP SUBSCRIPTION s")
        wait(admin, "SELECT count(*) = 0 FROM pg_replication_slots WHERE active")
        admin.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def wait(conn: psycopg.Connection, query: str) -> None:
    deadline = time.monotonic() + 60
    while conn.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


def subscribe(publisher: Side, subscriber: Side, what: str) -> None:
    """Publish, and subscribe in the same cluster: the slot has to be made beforehand.

    No table has a row yet that the other side has not.
    """
    publisher.conn.execute(f"CREATE PUBLICATION p FOR {what}".encode())
    publisher.conn.execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    subscriber.conn.execute(
        sql.SQL(
            "CREATE SUBSCRIPTION s CONNECTION {} PUBLICATION p"
            " WITH (create_slot = false, copy_data = false)"
        ).format(sql.Literal(publisher.url))
    )
    settle(publisher, subscriber)


def settle(publisher: Side, subscriber: Side) -> None:
    """Wait until the subscriber has all that was published."""
    wait(subscriber.conn, "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel")
    end = publisher.conn.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert end is not None
    query = "SELECT confirmed_flush_lsn >= '{}' FROM pg_replication_slots WHERE slot_name = 's'"
    wait(publisher.conn, query.format(*end))


def change(side: Side) -> None:
    """Insert into the current month, update and delete what is there, and insert far off."""
    events.insert(side.conn, events.month(0), 5)
    side.conn.execute(
        "UPDATE learning_events SET event_action = 'changed' WHERE id IN"
        " (SELECT id FROM learning_events ORDER BY id LIMIT 10)"
    )
    side.conn.execute(
        "DELETE FROM learning_events WHERE id IN (SELECT id FROM learning_events ORDER BY id DESC"
        " LIMIT 3)"
    )
    events.insert(side.conn, "2100-01-01", 2)


def test_published_by_its_root_nothing_is_lost_or_sent_twice(sides: tuple[Side, Side]) -> None:
    publisher, subscriber = sides
    subscribe(publisher, subscriber, "TABLE learning_events WITH (publish_via_partition_root)")
    events.insert(publisher.conn, events.month(0), 40)
    events.insert(publisher.conn, events.month(-30), 4)  # moved by the promotion
    events.insert(publisher.conn, "2100-01-01", 3)  # stays
    promoted = publisher.run("partitions", "heal", "--json").json["tables"][0]
    assert (promoted["method"], promoted["moved"]) == ("promote", 4)
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()

    for offset in (1, -7):
        events.insert(publisher.conn, events.month(offset), 3000)
    settle(publisher, subscriber)
    moved = publisher.run("partitions", "heal", "--json")
    assert moved.json["tables"][0]["method"] == "move", moved.err
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()
    # the subscriber has partitions of its own
    assert subscriber.run("partitions", "heal").code == 3
    before = subscriber.rows()
    assert before == publisher.rows()
    change(publisher)
    assert publisher.run("partitions", "prune", "--keep", "24m").code == 0
    settle(publisher, subscriber)
    gone = publisher.rows(events.name(-30))
    assert subscriber.rows() == sorted([*publisher.rows(), *gone])
    events.insert(publisher.conn, events.month(-30), 2)  # late rows go with the month
    assert publisher.run("partitions", "restore", events.name(-30)).code == 0
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()


def test_rows_of_a_default_that_was_detached_are_not_sent_again(sides: tuple[Side, Side]) -> None:
    publisher, subscriber = sides
    subscribe(publisher, subscriber, "TABLE learning_events WITH (publish_via_partition_root)")
    change(publisher)
    publisher.conn.execute(f"ALTER TABLE learning_events DETACH PARTITION {DEFAULT}".encode())
    assert publisher.run("partitions", "ensure").code == 6  # the default's name is taken
    assert events.name(0) in events.partitions(publisher.conn)
    restored = publisher.run("partitions", "restore", DEFAULT)
    assert restored.code == 0, restored.err
    assert publisher.rows(events.name(0))
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()


@pytest.mark.parametrize("moved", [4, 4000], ids=["promotion", "move"])
def test_a_publication_that_lists_the_default_goes_on_listing_it(
    sides: tuple[Side, Side], moved: int
) -> None:
    """With its columns and its condition; the month that was the default is listed no more."""
    publisher, subscriber = sides
    columns = "id, event_timestamp, event_action"
    names = subscriber.conn.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'learning_events'::regclass"
        " AND attnotnull AND NOT atthasdef AND attnum > 0"
    ).fetchall()
    for (name,) in names:
        if name not in columns:
            subscriber.conn.execute(
                sql.SQL("ALTER TABLE learning_events ALTER COLUMN {} DROP NOT NULL").format(
                    sql.Identifier(name)
                )
            )
    subscribe(
        publisher, subscriber, f"TABLE {DEFAULT} ({columns}) WHERE (event_timestamp > '2001-01-01')"
    )
    listed = publisher.listed()
    assert listed[0][:2] == (DEFAULT, 3)
    events.insert(publisher.conn, events.month(0), 4000)
    events.insert(publisher.conn, events.month(-30), moved)
    events.insert(publisher.conn, "2100-01-01", 3)
    events.insert(publisher.conn, "2000-01-01", 3)
    settle(publisher, subscriber)
    sent = len(subscriber.rows())
    assert sent == 4000 + moved + 3
    healed = publisher.run("partitions", "heal", "--json").json["tables"][0]
    assert healed["method"] == ("promote" if moved == 4 else "move")
    assert publisher.listed() == listed
    publisher.conn.execute("UPDATE learning_events_default SET event_action = 'changed'")
    events.insert(publisher.conn, "2100-02-01", 2)
    settle(publisher, subscriber)
    found = subscriber.rows()
    assert len(found) == sent + 2
    published = [row for row in publisher.rows(DEFAULT) if str(row[1]) > "2001"]
    assert len(published) == 5
    assert set(published) <= set(found)


def test_published_by_their_own_names_a_subscriber_promotes_with_what_is_printed(
    sides: tuple[Side, Side],
) -> None:
    publisher, subscriber = sides
    subscribe(publisher, subscriber, "TABLE learning_events")
    events.insert(publisher.conn, events.month(0), 40)
    events.insert(publisher.conn, "2100-01-01", 3)
    settle(publisher, subscriber)
    assert publisher.run("partitions", "heal").code == 3
    change(publisher)  # it has no table for the month yet, and tries again
    refused = subscriber.run("partitions", "heal")
    assert refused.code == 6
    assert "subscription s applies to it" in refused.err
    [hint] = [line for line in refused.err.splitlines() if line.startswith("hint: ")]
    for step in hint.partition(": ")[2].partition(": ")[2].split(";"):
        if step.startswith(" lmsschema"):
            assert subscriber.run(*step.split()[1:]).code == 3
            change(publisher)
        elif step.strip():
            subscriber.conn.execute(step.encode())
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()
    assert subscriber.rows(DEFAULT) == publisher.rows(DEFAULT)


def test_a_publication_of_all_tables_is_changed_for_one_that_lists_them(
    sides: tuple[Side, Side],
) -> None:
    """As the page says; nothing is copied anew, and nothing lost in between."""
    publisher, subscriber = sides
    root = "WITH (publish_via_partition_root)"
    subscribe(publisher, subscriber, f"ALL TABLES {root}")
    for offset in (0, -7):
        events.insert(publisher.conn, events.month(offset), 3000)
    assert publisher.run("partitions", "heal").code == 6
    names = publisher.conn.execute(
        "SELECT string_agg(relid::regclass::text, ', ') FROM pg_get_publication_tables('p')"
    ).fetchone()
    assert names is not None
    publisher.conn.execute(f"CREATE PUBLICATION listed FOR TABLE {names[0]} {root}".encode())
    change(publisher)
    settle(publisher, subscriber)
    subscriber.conn.execute("ALTER SUBSCRIPTION s SET PUBLICATION listed")
    change(publisher)
    publisher.conn.execute("DROP PUBLICATION p")
    assert publisher.run("partitions", "heal").code == 3  # what is far off stays
    change(publisher)
    settle(publisher, subscriber)
    assert subscriber.rows() == publisher.rows()
