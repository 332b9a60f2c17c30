"""Steps that are blocked, and steps on partitioned tables."""

import contextlib
import threading

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.ddl import steps
from lmsschema.ddl.column import AddColumn, WidenType
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.drift import check
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, in_lines
from lmsschema.migration import revisions
from lmsschema.migration.position import current
from tests.support import pooler
from tests.support.ddl_steps import SHORT, THINGS, Open


def test_behind_a_pooler_a_wait_to_drop_an_index_ends_too(database_url: str, opened: Open) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(THINGS.encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute("CREATE UNIQUE INDEX CONCURRENTLY things_n_key ON things (n)")
    step = Index("things_n_key", "things", "n", unique=True)
    with pooler.transaction_mode(database_url) as url, psycopg.connect(database_url) as older:
        database = opened(url)
        older.execute("LOCK TABLE things IN ROW EXCLUSIVE MODE")
        with pytest.raises(LockTimeoutError, match="did not drop index things_n_key"):
            step.apply(Context(database, SHORT))
        older.execute("UPDATE things SET n = id")
        older.commit()
        step.apply(Context(database, SHORT))


def test_a_blocked_step_gives_up_names_the_blocker_and_queues_nobody_for_long(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    over = threading.Event()
    gave_up = {20: 0, 2000: 0}  # readers that wait so many milliseconds → how often one gave up

    def read(patience: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as reader:
            reader.execute(f"SET lock_timeout = {patience}".encode())
            while not over.is_set():
                try:
                    reader.execute("SELECT FROM things LIMIT 1")
                except psycopg.errors.LockNotAvailable:
                    gave_up[patience] += 1

    threads = [threading.Thread(target=read, args=(patience,)) for patience in gave_up]
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM things")
        with contextlib.ExitStack() as ends:
            for thread in threads:
                thread.start()
                ends.callback(thread.join)
            ends.callback(over.set)
            with pytest.raises(LockTimeoutError, match=f"pid {holder.info.backend_pid}"):
                NotNull("things", ("n",)).apply(Context(database, SHORT))
    assert gave_up[20] > 0
    assert gave_up[2000] == 0


def test_partitions_made_meanwhile_get_the_index(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(
        "CREATE TABLE events (at int, n int) PARTITION BY RANGE (at);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20)"
    )
    made: list[str] = []

    def progress(message: str) -> None:
        if "events_1" in message and not made:
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("CREATE TABLE events_3 (LIKE events INCLUDING ALL)")
                other.execute(
                    "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (20) TO (30)"
                )
                other.execute("CREATE TABLE events_4 (at int, n int)")
                other.execute(
                    "ALTER TABLE events ATTACH PARTITION events_4 FOR VALUES FROM (30) TO (40)"
                )
                other.execute("DROP TABLE events_2")
            made.append(message)

    step = PartitionedIndex("events_n_idx", "events", "n")
    step.apply(Context(database, tell=in_lines(progress)))
    assert made
    with database.transaction() as conn:
        assert step.done(conn)
    attached = database.conn.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events_n_idx'::regclass"
    )
    assert attached.fetchone() == (3,)


def test_a_key_of_a_partitioned_table_reads_no_row_under_its_lock(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(
        "CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);"
        "CREATE TABLE events (at int, parent_id int) PARTITION BY RANGE (at);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
        "INSERT INTO events VALUES (1, 1);"
    )
    step = ForeignKey("events_parent_id_fkey", "events", "parent_id", "parents", "CASCADE")
    database.conn.execute(
        "ALTER TABLE events_1 ADD CONSTRAINT events_parent_id_fkey FOREIGN KEY (parent_id)"
        " REFERENCES parents ON DELETE CASCADE"
    )
    # a row that breaks it, unseen: were the rows read again, the step would fail
    database.conn.execute(
        "SET session_replication_role = replica; INSERT INTO events VALUES (2, 99);"
        " RESET session_replication_role"
    )
    step.apply(Context(database))
    with database.transaction() as conn:
        assert step.done(conn)
    database.conn.execute("DELETE FROM parents")
    assert database.conn.execute("SELECT parent_id FROM events").fetchall() == [(99,)]


@pytest.mark.parametrize(
    "step",
    [
        AddColumn("things", "token", "UUID DEFAULT gen_random_uuid()"),
        WidenType("things", "n", "bigint"),
        WidenType("things", "title", "character varying(5)"),
    ],
    ids=str,
)
def test_what_would_write_the_table_anew_is_refused(
    step: AddColumn | WidenType, database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    before = check.read(database)[0]
    with pytest.raises(UnsafeError, match="anew"):
        step.apply(Context(database))
    assert check.read(database)[0] == before


@pytest.mark.parametrize(
    "step",
    [
        AddColumn("things", "points", "INTEGER DEFAULT 0 CHECK (points >= 0)"),
        WidenType("things", "title", "character varying(50)"),
    ],
    ids=str,
)
def test_what_would_read_the_table_for_a_check_is_refused(
    step: AddColumn | WidenType, database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    database.conn.execute("ALTER TABLE things ADD CHECK (title <> '')")
    before = check.read(database)[0]
    with pytest.raises(UnsafeError, match="would read all rows of things"):
        step.apply(Context(database))
    assert check.read(database)[0] == before


def test_a_column_is_added_where_nobody_may_make_temporary_tables(
    database_url: str, opened: Open
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(THINGS.encode())
        name = f"owner_of_{conn.info.dbname}"
        role, database = sql.Identifier(name), sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("CREATE ROLE {}").format(role))
        conn.execute(sql.SQL("ALTER TABLE things OWNER TO {}").format(role))
        conn.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(role))
        conn.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
        try:
            as_owner = conninfo.make_conninfo(database_url, options=f"-c role={name}")
            AddColumn("things", "points", "INTEGER NOT NULL DEFAULT 0").apply(
                Context(opened(as_owner))
            )
            assert conn.execute("SELECT points FROM things LIMIT 1").fetchone() == (0,)
            left = conn.execute("SELECT FROM pg_class WHERE relname = 'lmsschema_copy'")
            assert left.fetchone() is None
        finally:
            conn.execute(sql.SQL("DROP OWNED BY {}").format(role))
            conn.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_revisions_steps_may_be_run_again_and_again(upgraded_url: str, opened: Open) -> None:
    database = opened(upgraded_url)
    assert current(database) == revisions.head()
    told: list[str] = []
    steps.run(
        Context(database, tell=in_lines(told.append)), [Index("idx_users_role", "users", "role")]
    )
    assert told == []
