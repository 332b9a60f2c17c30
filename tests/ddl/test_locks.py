"""Each operation takes the locks that its docstring states: pg_locks, read by another session."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn, DropDefaults, WidenType
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex
from lmsschema.ddl.enum_label import AddLabel, RenameLabel
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.steps import Step
from lmsschema.ddl.storage_parameters import StorageParameters
from lmsschema.ddl.trigger import Function, Trigger
from lmsschema.ddl.unique import Unique
from lmsschema.locks.context import Context

Open = Callable[..., Database]

SCHEMA = """
    CREATE TABLE parents (id int PRIMARY KEY, n int);
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE kids (id int PRIMARY KEY, n int, UNIQUE (id, n));
    CREATE TABLE things (id int PRIMARY KEY, parent_id int, n int DEFAULT 0, title varchar(10),
        kid_id int CONSTRAINT things_kid_id_fkey REFERENCES kids);
    CREATE INDEX ON things (title);
    CREATE INDEX things_old_idx ON things (parent_id);
    CREATE TABLE events (at int NOT NULL, n int, parent_id int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
    CREATE INDEX events_old_idx ON events (parent_id);
    CREATE INDEX events_half_idx ON ONLY events (parent_id, n);
    CREATE INDEX events_1_parent_id_n_idx ON events_1 (parent_id, n);
    ALTER INDEX events_half_idx ATTACH PARTITION events_1_parent_id_n_idx;
    CREATE INDEX events_2_parent_id_n_idx ON events_2 (parent_id, n);
    INSERT INTO parents SELECT g, g FROM generate_series(1, 50) g;
    INSERT INTO things SELECT g, g, g, g FROM generate_series(1, 50) g;
    INSERT INTO events SELECT g % 20, g, g FROM generate_series(1, 50) g;
"""

ACCESS, QUIET, WRITES = "ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE"
EVENTS = ("events", "events_1", "events_2")

#: An operation, and what it may lock in which modes stronger than a reader's or a writer's.
CASES: dict[str, tuple[Step, dict[str, set[str]]]] = {
    "checks": (
        Checks("things", {"things_n_check": "n > 0", "things_id_check": "id > 0"}),
        {"things": {ACCESS, QUIET}},
    ),
    "checks of partitions": (
        Checks("events", {"events_n_check": "n > 0"}),
        {table: {ACCESS, QUIET} for table in EVENTS},
    ),
    "not null": (NotNull("things", ("n", "parent_id")), {"things": {ACCESS, QUIET}}),
    "not null of partitions": (
        NotNull("events", ("n",)),
        {table: {ACCESS, QUIET} for table in EVENTS},
    ),
    "foreign key": (
        ForeignKey("things_parent_id_fkey", "things", "parent_id", "parents", "CASCADE"),
        {"things": {WRITES, QUIET}, "parents": {WRITES}},
    ),
    "foreign key of partitions": (
        ForeignKey("events_parent_id_fkey", "events", "parent_id", "parents", "SET NULL"),
        {
            "events": {WRITES},
            "events_1": {WRITES, QUIET},
            "events_2": {WRITES, QUIET},
            "parents": {WRITES, ACCESS},
        },
    ),
    "foreign key of columns, which replaces another": (
        ForeignKey(
            "things_kid_n_fkey",
            "things",
            "kid_id, n",
            "kids",
            "CASCADE",
            referred="id, n",
            on_update="CASCADE",
            replaces="things_kid_id_fkey",
        ),
        {"things": {WRITES, QUIET, ACCESS}, "kids": {WRITES, ACCESS}},
    ),
    "index of an expression": (
        Index("things_lower_idx", "things", "lower(title)", unique=True),
        {"things": {QUIET}},
    ),
    "index": (Index("things_n_idx", "things", "n"), {"things": {QUIET}}),
    "unique": (Unique("things_n_key", "things", "n"), {"things": {QUIET, ACCESS}}),
    "index of partitions": (
        PartitionedIndex("events_n_idx", "events", "n"),
        {
            "events": {"SHARE"},
            "events_1": {QUIET},
            "events_2": {QUIET},
            "events_1_n_idx": {ACCESS},
            "events_2_n_idx": {ACCESS},
            "events_n_idx": {QUIET},
        },
    ),
    "BRIN of partitions": (
        PartitionedIndex(
            "events_at_idx",
            "events",
            "at int4_minmax_multi_ops",
            method="brin",
            where="n > 0",
            options={"pages_per_range": 32},
        ),
        {
            "events": {"SHARE"},
            "events_1": {QUIET},
            "events_2": {QUIET},
            "events_1_at_idx": {ACCESS},
            "events_2_at_idx": {ACCESS},
            "events_at_idx": {QUIET},
        },
    ),
    "index dropped": (
        DropIndex("things", "things_old_idx"),
        {"things": {QUIET}, "things_old_idx": {QUIET}},
    ),
    "index of partitions dropped": (
        DropPartitionedIndex("events", "events_old_idx"),
        {table: {ACCESS} for table in EVENTS}
        | {f"events_{which}_idx": {ACCESS} for which in ("old", "1_parent_id", "2_parent_id")},
    ),
    "half-built index of partitions dropped": (
        DropPartitionedIndex("events", "events_half_idx"),
        {
            "events": {ACCESS},
            "events_1": {ACCESS},
            "events_2": {ACCESS, QUIET},
            "events_half_idx": {ACCESS},
            "events_1_parent_id_n_idx": {ACCESS},
            "events_2_parent_id_n_idx": {QUIET},
        },
    ),
    "storage parameters": (
        StorageParameters("things", {"fillfactor": 90, "autovacuum_enabled": None}),
        {"things": {QUIET}},
    ),
    "label added": (AddLabel("mood", "soso", before="sad"), {}),
    "label renamed": (RenameLabel("mood", "sad", "unhappy"), {}),
    "column": (
        AddColumn("events", "points", "INTEGER NOT NULL DEFAULT 0"),
        {table: {ACCESS} for table in EVENTS},
    ),
    "type": (
        WidenType("things", "title", "character varying(20)"),
        {"things": {ACCESS, "SHARE"}, "things_title_idx": {ACCESS}},
    ),
    "defaults dropped": (DropDefaults("things", ("n",)), {"things": {ACCESS}}),
    "function of a name that needs quotes": (Function("setIt", "BEGIN RETURN new; END"), {}),
    "function": (Function("nothing", "BEGIN RETURN new; END"), {}),
    "trigger of a name that needs quotes": (
        Trigger(
            "keepIt",
            "things",
            "BEFORE UPDATE",
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        {"things": {WRITES}},
    ),
    "trigger": (
        Trigger(
            "same",
            "things",
            "BEFORE UPDATE",
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        {"things": {WRITES}},
    ),
}


def strong(conn: psycopg.Connection, pid: int) -> set[tuple[str, str]]:
    """Return the locks of a session on relations that are stronger than ROW EXCLUSIVE."""
    rows = conn.execute(
        "SELECT c.relname, l.mode FROM pg_locks AS l JOIN pg_class AS c ON l.relation = c.oid"
        " WHERE l.pid = %s AND c.oid >= 16384 AND c.relnamespace = 'public'::regnamespace"
        " AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')",
        [pid],
    )
    return {
        (table, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode.removesuffix("Lock")).upper())
        for table, mode in rows
    }


@contextmanager
def recorded(database: Database, url: str) -> Iterator[set[tuple[str, str]]]:
    """Yield the locks that the database's session is seen to hold after each statement.

    A statement outside a transaction is held up by an older one, and looked at while it waits.
    """
    held: set[tuple[str, str]] = set()
    pid = database.conn.info.backend_pid
    usual = database.conn.cursor_factory
    with psycopg.connect(url, autocommit=True) as observer:

        def look_while_it_waits(older: psycopg.Connection) -> None:
            for _ in range(30):
                held.update(strong(observer, pid))
                time.sleep(0.01)
            older.rollback()

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, query: Any, *args: Any, **kwargs: Any) -> Self:  # noqa: ANN401  psycopg's
                text = query.as_string() if isinstance(query, psycopg.sql.Composable) else query
                if "CONCURRENTLY" not in text:
                    super().execute(query, *args, **kwargs)
                    held.update(strong(observer, pid))
                    return self
                with psycopg.connect(url) as older:
                    older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                    # to build waits for its snapshot, to drop for its locks
                    older.execute("SELECT FROM things, events, pg_class LIMIT 1")
                    thread = threading.Thread(target=look_while_it_waits, args=(older,))
                    thread.start()
                    super().execute(query, *args, **kwargs)
                    thread.join()
                return self

        database.conn.cursor_factory = Cursor
        try:
            yield held
        finally:
            database.conn.cursor_factory = usual


@pytest.mark.parametrize("name", CASES)
def test_locks_are_those_of_the_docstring(name: str, database_url: str, opened: Open) -> None:
    step, stated = CASES[name]
    database = opened(database_url)
    database.conn.execute(SCHEMA)
    made_meanwhile = {f"{step}".removeprefix("index ").removeprefix("unique ")}
    with recorded(database, database_url) as held:
        step.apply(Context(database))
    with database.transaction() as conn:
        assert step.done(conn)
    allowed = {(table, mode) for table, modes in stated.items() for mode in modes}
    # nobody else can use an index that the statement itself makes
    assert {lock for lock in held if lock[0] not in made_meanwhile or lock[0] in stated} == allowed


@pytest.mark.parametrize("name", CASES)
def test_done_is_what_the_catalogs_say_and_again_changes_nothing(
    name: str, database_url: str, opened: Open
) -> None:
    step, _ = CASES[name]
    database = opened(database_url)
    database.conn.execute(SCHEMA)
    with database.transaction() as conn:
        assert not step.done(conn)
    step.apply(Context(database))
    with recorded(database, database_url) as held:
        step.apply(Context(database))
    assert held == set()
    with database.transaction() as conn:
        assert step.done(conn)


@pytest.mark.parametrize("name", CASES)
def test_the_script_makes_what_apply_makes(name: str, database_url: str, opened: Open) -> None:
    step, _ = CASES[name]
    database = opened(database_url)
    database.conn.execute(SCHEMA)
    if name == "foreign key of partitions" and database.version < 18:
        return  # a script can't know the partitions, and before 18 there is no other way
    for statement in step.statements():
        database.conn.execute(statement)
    with database.transaction() as conn:
        assert step.done(conn)
