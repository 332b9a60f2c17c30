"""The steps that change indexes: beside writers, blocked, without rights, interrupted."""

import contextlib
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database import catalog
from lmsschema.database.catalog import Catalog
from lmsschema.ddl import steps
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.drop_partitioned_index import DropPartitionedIndex
from lmsschema.ddl.index import Index
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.storage_parameters import StorageParameters
from lmsschema.errors import LmsschemaError, LockTimeoutError
from lmsschema.locks.context import Context
from tests.support import boundaries
from tests.support.boundaries import Boundary, When
from tests.support.ddl_steps import SHORT, Open

SETUP = """
    CREATE TABLE things (id int PRIMARY KEY, n int);
    CREATE INDEX things_n_idx ON things (n);
    CREATE TABLE events (at int NOT NULL, id int, n int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
    CREATE INDEX events_n_idx ON events (n);
    INSERT INTO things SELECT g, g FROM generate_series(1, 1000) g;
    INSERT INTO events SELECT g % 20, g, g FROM generate_series(1, 1000) g;
"""

DROP = DropIndex("things", "things_n_idx")
DROP_PARTITIONED = DropPartitionedIndex("events", "events_n_idx")
PARAMETERS = StorageParameters("things", {"fillfactor": 90})

STEPS: list[steps.Step] = [
    Index("things_id_n_idx", "things", "id", include="n", where="n > 0"),
    PartitionedIndex("events_at_idx", "events", "at", method="brin"),
    DROP,
    DROP_PARTITIONED,
    PARAMETERS,
]

BACK: list[steps.Step] = [
    Index("things_n_idx", "things", "n"),
    PartitionedIndex("events_n_idx", "events", "n"),
    DropIndex("things", "things_id_n_idx"),
    DropPartitionedIndex("events", "events_at_idx"),
    StorageParameters("things", {"fillfactor": None}),
]

WRITES = (
    "INSERT INTO events VALUES (3, 0, 1)",
    "UPDATE things SET n = n + 1 WHERE id = 7",
    "SELECT FROM events WHERE n = 3",
)


def read(url: str) -> Catalog:
    with psycopg.connect(url) as conn:
        return catalog.read(conn, "public")


@contextlib.contextmanager
def writing(url: str) -> Iterator[list[int]]:
    """Write and read all the time, waiting for no lock longer than two seconds; count it."""
    done = [0] * len(WRITES)
    over = threading.Event()
    failed: list[psycopg.Error] = []

    def write(which: int) -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("SET lock_timeout = '2s'")
            while not over.is_set() and not failed:
                try:
                    conn.execute(WRITES[which].encode())
                except psycopg.Error as error:
                    failed.append(error)
                done[which] += 1

    threads = [threading.Thread(target=write, args=(which,)) for which in range(len(WRITES))]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []


def test_writers_and_readers_go_on(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    before = read(database_url)
    with writing(database_url) as done:
        for step in [*STEPS, *BACK] * 3:
            so_far = list(done)
            steps.run(Context(database), [step])
            while any(now <= then for now, then in zip(done, so_far, strict=True)):
                threading.Event().wait(0.01)
    assert read(database_url) == before


@pytest.mark.parametrize(
    ("step", "lock"),
    [
        (DROP, "SELECT FROM things"),
        (DROP_PARTITIONED, "SELECT FROM events_2"),
        (PARAMETERS, "LOCK TABLE things IN SHARE UPDATE EXCLUSIVE MODE"),
    ],
    ids=lambda one: str(one)[:24],
)
def test_who_blocks_is_named_nobody_waits_behind_and_the_next_run_ends_it(
    step: steps.Step, lock: str, database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    with psycopg.connect(database_url) as holder, writing(database_url):
        holder.execute(lock.encode())
        pid = holder.info.backend_pid
        with pytest.raises(LockTimeoutError, match=rf"pid {pid}\b"):
            steps.run(Context(database, SHORT), [step])
        with database.transaction(read_only=True) as conn:
            assert not step.done(conn)
        holder.rollback()
        steps.run(Context(database), [step])
    with database.transaction(read_only=True) as conn:
        assert step.done(conn)


def test_a_drop_waits_for_who_uses_the_table_alone(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    before = read(database_url)
    with psycopg.connect(database_url) as elsewhere, psycopg.connect(database_url) as reader:
        elsewhere.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        elsewhere.execute("SELECT FROM events")
        reader.execute("SELECT FROM things")  # it has no snapshot any more, but the lock
        time.sleep(2.1)
        found = rf"did not begin to drop index things_n_idx.* pid {reader.info.backend_pid}\b"
        with pytest.raises(LockTimeoutError, match=found):
            DROP.apply(Context(database, SHORT))
        assert read(database_url) == before
        reader.rollback()
        DROP.apply(Context(database, SHORT))
    with database.transaction(read_only=True) as conn:
        assert DROP.done(conn)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_without_rights_nothing_is_changed(
    step: steps.Step, database_url: str, opened: Open
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(SETUP.encode())
        name = f"reader_of_{conn.info.dbname}"
        role = sql.Identifier(name)
        conn.execute(sql.SQL("CREATE ROLE {}").format(role))
        conn.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE ON things, events TO {}").format(role))
        before = read(database_url)
        try:
            database = opened(conninfo.make_conninfo(database_url, options=f"-c role={name}"))
            with pytest.raises(LmsschemaError, match=r"must be owner|permission denied"):
                steps.run(Context(database, SHORT), [step])
            assert read(database_url) == before
        finally:
            conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
            conn.execute(sql.SQL("DROP ROLE {}").format(role))


def test_interrupted_where_changes_are_made_to_last_the_next_run_ends_it(
    database_url: str, opened: Open
) -> None:
    opened(database_url).conn.execute(SETUP)
    ends: list[Catalog] = [read(database_url)]
    places: list[int] = []
    for each in (STEPS, BACK):
        undisturbed = Boundary()
        with boundaries.relayed(database_url, undisturbed) as through:
            steps.run(Context(opened(through)), each)
        ends.append(read(database_url))
        places.append(sum(one.lasting for one in undisturbed.seen))
    assert ends[2] == ends[0] != ends[1]
    assert min(places) >= len(STEPS)
    whens: tuple[When, When] = ("before", "sent")
    for at in range(1, max(places) + 1):
        for number, each in enumerate((STEPS, BACK)):
            boundary = Boundary(min(at, places[number]), whens[at % 2], lasting=True)
            with (
                boundaries.relayed(database_url, boundary) as through,
                pytest.raises(LmsschemaError),
            ):
                steps.run(Context(opened(through)), each)
            steps.run(Context(opened(database_url)), each)
            assert read(database_url) == ends[number + 1], (at, boundary.seen[-1])
