"""A partition that was detached comes back to a table that has changed since."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.drift import check
from lmsschema.drift.compare import Difference
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context
from lmsschema.partition_manager import ensure, inheritance, prune, restore
from lmsschema.partition_manager.retention import Span
from lmsschema.partitions import LEARNING_EVENTS, Range, plan_range
from tests.support import events

Opened = Callable[..., Database]

NAME = events.name(-9)
TABLE = sql.Identifier(NAME)


def detach(database: Database, conn: psycopg.Connection) -> None:
    """Have ten events in a month that is then detached."""
    old = Range(events.month(-9, day=1), events.month(-8, day=1))
    ensure.make(
        Context(database),
        LEARNING_EVENTS,
        lambda state: plan_range(LEARNING_EVENTS, state.partitions, old),
    )
    events.people(conn)
    events.insert(conn, events.month(-9), 10)
    assert prune.prune(Context(database), LEARNING_EVENTS, Span(6, "m")).detached == (NAME,)


def drift_of(database: Database) -> list[Difference]:
    """Return how the month differs from what it should be."""
    return [one for one in check.run(database).drift if one.identity.relation == NAME]


@pytest.fixture
def conn(upgraded_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(upgraded_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(conn: psycopg.Connection, upgraded_url: str, opened: Opened) -> Database:
    """A table one of whose months is detached."""
    database = opened(upgraded_url)
    detach(database, conn)
    return database


def indexes(conn: psycopg.Connection) -> set[tuple[object, ...]]:
    """Return the indexes of the month, by what nothing but building them anew would change."""
    return set(
        conn.execute(
            "SELECT indexrelid::regclass::text, pg_relation_filenode(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass",
            (NAME,),
        )
    )


def test_a_month_detached_before_a_revision_gets_what_the_revision_gave_its_table(
    database: Database, conn: psycopg.Connection
) -> None:
    """It is as the revision before the last one left it."""
    conn.execute(
        sql.SQL(
            "ALTER TABLE {} ALTER server_timestamp DROP NOT NULL, ALTER created_at DROP NOT NULL;"
            " DROP INDEX {}, {}"
        ).format(TABLE, *(sql.Identifier(f"{NAME}_{c}_id_idx") for c in ("lesson", "section")))
    )
    conn.execute(sql.SQL("UPDATE {} SET created_at = NULL WHERE ctid < '(0,4)'").format(TABLE))
    with pytest.raises(UnsafeError) as caught:
        restore.restore(Context(database), LEARNING_EVENTS, NAME)
    assert f"{NAME}.created_at NOT NULL: 3 rows of {NAME}: " in caught.value.message
    assert events.count(conn, NAME) == 10
    conn.execute(sql.SQL("UPDATE {} SET created_at = now() WHERE created_at IS NULL").format(TABLE))
    restore.restore(Context(database), LEARNING_EVENTS, NAME)
    assert events.count(conn) == 10
    assert drift_of(database) == []


CHANGES = {
    "column": "ALTER TABLE learning_events ADD COLUMN weight int NOT NULL DEFAULT 7",
    "computed": "ALTER TABLE learning_events ADD COLUMN day date"
    " GENERATED ALWAYS AS ((event_timestamp AT TIME ZONE 'UTC')::date) STORED",
    "default": "ALTER TABLE learning_events ALTER COLUMN learning_value SET DEFAULT 0.5",
    "no default": "ALTER TABLE learning_events ALTER COLUMN learning_value DROP DEFAULT",
    "not null": "ALTER TABLE learning_events ALTER COLUMN user_id SET NOT NULL",
    "check": "ALTER TABLE learning_events ADD CONSTRAINT sane CHECK (event_type <> '%s {}')",
    "other check": "ALTER TABLE learning_events ADD CONSTRAINT own CHECK (event_type <> 'b')",
    "index": "CREATE INDEX recent ON learning_events USING gin (event_data jsonb_path_ops)"
    " WHERE event_type <> 'x'",
    "ones": "CREATE UNIQUE INDEX ones ON learning_events (learning_value, event_timestamp)",
    "unique": "CREATE UNIQUE INDEX once ON learning_events (session_id, event_timestamp, id)",
    "key": "ALTER TABLE learning_events ADD CONSTRAINT one UNIQUE (id, event_timestamp, user_id)",
    "foreign key": "ALTER TABLE learning_events ADD CONSTRAINT same FOREIGN KEY (session_id)"
    " REFERENCES sessions ON DELETE CASCADE",
    "policy": "CREATE POLICY own ON learning_events USING (event_type <> 'secret')",
    "grant": "GRANT SELECT ON learning_events TO pg_monitor",
}


@pytest.mark.parametrize("change", [change for change in CHANGES if change != "ones"])
def test_what_the_table_got_meanwhile_the_month_gets(
    database: Database, conn: psycopg.Connection, change: str
) -> None:
    conn.execute("CREATE TABLE sessions (id uuid PRIMARY KEY)")
    conn.execute(sql.SQL("INSERT INTO sessions SELECT session_id FROM {}").format(TABLE))
    conn.execute(
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT own CHECK (event_type <> 'a')").format(TABLE)
    )
    had = indexes(conn)
    conn.execute(CHANGES[change])
    restore.restore(Context(database), LEARNING_EVENTS, NAME)
    assert events.count(conn) == 10
    with database.transaction(read_only=True):
        assert inheritance.differences(database, LEARNING_EVENTS, [NAME]) == []
    assert [one for one in drift_of(database) if one.identity.name != "own"] == []
    if change != "computed":  # its values are written into each row
        assert had <= indexes(conn)  # nothing that was there was built anew


BROKEN = {
    "not null": ("UPDATE {} SET user_id = NULL", "not null", f"{NAME}.user_id NOT NULL: 10 rows"),
    "check": ("UPDATE {} SET event_type = '%s {}'", "check", "sane: 10 rows"),
    "unique": ("UPDATE {} SET learning_value = 1", "ones", "ones: 10 rows"),
    "foreign key": ("UPDATE {} SET event_type = 'x'", "foreign key", "same: 10 rows"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_rows_that_break_a_rule_of_the_table_are_counted(
    database: Database, conn: psycopg.Connection, rule: str
) -> None:
    statement, change, said = BROKEN[rule]
    conn.execute("CREATE TABLE sessions (id uuid PRIMARY KEY)")
    conn.execute(statement.replace("{}", NAME, 1))
    conn.execute(CHANGES[change])
    with pytest.raises(UnsafeError) as caught:
        restore.restore(Context(database), LEARNING_EVENTS, NAME)
    assert f"{said} of {NAME}: " in caught.value.message
    violations = caught.value.details["violations"]
    assert isinstance(violations, list)
    assert [len(conn.execute(one["query"]).fetchall()) for one in violations] == [10]
    assert events.count(conn, NAME) == 10


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE learning_events DROP COLUMN device_info",
        "ALTER TABLE learning_events ALTER COLUMN event_type TYPE text",
    ],
)
def test_other_columns_are_refused(
    database: Database, conn: psycopg.Connection, change: str
) -> None:
    conn.execute(change)
    with pytest.raises(UnsafeError, match=r"columns of .* are not those of learning_events"):
        restore.restore(Context(database), LEARNING_EVENTS, NAME)
    assert events.count(conn, NAME) == 10
