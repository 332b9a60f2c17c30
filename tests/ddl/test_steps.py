"""What the lock-safe operations refuse, wait for, and take up again."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database.connection import Database
from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn, WidenType
from lmsschema.ddl.enum_label import AddLabel
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.unique import Unique
from lmsschema.drift import check
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, Patience, in_lines
from lmsschema.migration import migrate, revisions
from lmsschema.partition_manager import ensure
from lmsschema.partition_manager.state import State
from lmsschema.partitions import LEARNING_EVENTS, Create, plan
from tests.support import pooler, upgrading

Open = Callable[..., Database]

SHORT = Patience(total=0.5, first=0.05, longest=0.1, quiet=1.0)

THINGS = """
    CREATE TABLE parents (id int PRIMARY KEY);
    CREATE TABLE things (id int, n int, title varchar(10));
    INSERT INTO things SELECT g, g %% 10, g FROM generate_series(1, 100) g;
""".replace("%%", "%")


def test_broken_rules_are_counted_and_nothing_is_changed(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    migrate.upgrade(database, "0003_analytics")
    database.conn.execute(upgrading.FILL)
    database.conn.execute(
        "UPDATE enrollments SET progress_percentage = 250"
        " WHERE user_id IN (SELECT id FROM users LIMIT 3);"
        "UPDATE users SET institution_id = NULL WHERE username = 'u7';"
        "UPDATE section_progress SET learning_session_id = gen_random_uuid()"
        " WHERE id IN (SELECT id FROM section_progress LIMIT 2);"
        "INSERT INTO learner_analytics (user_id) SELECT user_id FROM learner_analytics LIMIT 1"
    )
    before = check.read(database)[0]
    with pytest.raises(UnsafeError) as refused:
        upgrading.upgrade(database)
    found = refused.value.details["violations"]
    assert isinstance(found, list)
    assert {(one["rule"], one["table"], one["rows"]) for one in found} == {
        ("enrollments_progress_percentage_from_0_to_100_check", "enrollments", 3),
        ("users.institution_id NOT NULL", "users", 1),
        ("section_progress_learning_session_id_fkey", "section_progress", 2),
        ("learner_analytics_user_id_key", "learner_analytics", 2),
    }
    for one in found:
        assert one["query"] in refused.value.message
        assert len(database.conn.execute(one["query"].encode()).fetchall()) == one["rows"]
    assert check.read(database)[0] == before
    assert upgrading.current(database) == "0003_analytics"


def test_a_row_that_comes_after_the_count_is_named(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    step = Checks("things", {"things_n_check": "n < 9"})
    with pytest.raises(UnsafeError, match="things_n_check: 10 rows"):
        step.apply(Context(database))


def test_updated_at_is_kept(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(upgrading.FILL)
        conn.execute("UPDATE users SET role = role")
        conn.execute(
            "UPDATE users SET role = 'ta', updated_at = '2001-01-01' WHERE username = 'u1'"
        )
        changed = conn.execute(
            "SELECT username, updated_at > now() - interval '1 hour' FROM users"
            " WHERE updated_at <> created_at"
        ).fetchall()
    assert changed == [("u1", True)]


def test_the_keys_index_serves_the_deletion_of_a_lesson(upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url, autocommit=True) as conn:
        conn.execute(upgrading.FILL)
        conn.execute("DELETE FROM lessons")
        row = conn.execute(
            "SELECT count(*), count(lesson_id), count(section_id) FROM learning_events"
        ).fetchone()
    assert row == (2500, 0, 0)


def test_partitions_made_before_and_after_are_alike(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    migrate.upgrade(database, "0003_analytics")
    upgrading.upgrade(database)

    def next_months(state: State) -> list[Create]:
        ahead = LEARNING_EVENTS.step(LEARNING_EVENTS.start(state.now), 2)
        wanted = plan(LEARNING_EVENTS, state.partitions, ahead)
        return [one for one in wanted if isinstance(one, Create)]

    made = ensure.make(Context(database), LEARNING_EVENTS, next_months)
    assert len(made.done) == 2
    assert check.run(database).clean(strict=True)


def test_an_invalid_index_is_dropped_and_built_anew(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.conn.execute("CREATE UNIQUE INDEX CONCURRENTLY things_id_key ON things ((n % 3))")
    database.conn.execute("ALTER INDEX things_id_key RENAME TO other")
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.conn.execute("CREATE UNIQUE INDEX CONCURRENTLY things_n_key ON things (n)")
    step = Unique("things_n_key", "things", "n")
    with pytest.raises(UnsafeError, match="things_n_key: 100 rows"):
        step.apply(Context(database))
    database.conn.execute("UPDATE things SET n = id")
    told: list[str] = []
    step.apply(Context(database, tell=in_lines(told.append)))
    assert any("left invalid" in message for message in told)
    with database.transaction() as conn:
        assert step.done(conn)


def test_another_index_of_the_name_is_refused(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS + "CREATE INDEX things_idx ON things (title)")
    with pytest.raises(UnsafeError, match="is another index"):
        Index("things_idx", "things", "n").apply(Context(database))


def test_another_constraint_of_a_keys_name_is_refused(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS + "ALTER TABLE things ADD CONSTRAINT things_key CHECK (id > 0)")
    with pytest.raises(UnsafeError, match="of things is there already and is another one"):
        ForeignKey("things_key", "things", "n", "parents").apply(Context(database, SHORT))


def test_steps_taken_at_once_wait_no_longer_than_a_step(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute("CREATE TABLE things (id int, n int)")
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE things IN ACCESS SHARE MODE")
        with pytest.raises(LockTimeoutError, match=r"attempts in 0\.5 s"):
            steps.run(Context(database, SHORT), [NotNull("things", ("n",))], at_once=True)
    steps.run(Context(database, SHORT), [NotNull("things", ("n",))], at_once=True)


def test_an_old_snapshot_and_a_prepared_transaction_are_named_before_the_build(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    with psycopg.connect(database_url) as older:
        older.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        older.execute("SELECT FROM things")
        time.sleep(2.1)
        with pytest.raises(LockTimeoutError, match=f"pid {older.info.backend_pid}"):
            Index("things_n_idx", "things", "n").apply(Context(database, SHORT))
        older.rollback()
        older.isolation_level = None
        older.execute("INSERT INTO things VALUES (0)")
        older.execute("PREPARE TRANSACTION 'left over'")
    time.sleep(2.1)
    with pytest.raises(LockTimeoutError, match="prepared transaction left over"):
        Index("things_n_idx", "things", "n").apply(Context(database, SHORT))
    invalid = database.conn.execute("SELECT FROM pg_class WHERE relname = 'things_n_idx'")
    assert invalid.fetchone() is None
    database.conn.execute("ROLLBACK PREPARED 'left over'")
    Index("things_n_idx", "things", "n").apply(Context(database, SHORT))


def test_a_wait_of_a_build_ends_and_the_sessions_settings_are_restored(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS + "SET lock_timeout = '7s'; SET statement_timeout = '70s'")
    database.conn.execute("RESET lock_timeout; RESET statement_timeout")
    with psycopg.connect(database_url) as older:
        older.execute("LOCK TABLE things IN ROW EXCLUSIVE MODE")
        with pytest.raises(LockTimeoutError, match="did not build index things_n_idx"):
            Index("things_n_idx", "things", "n").apply(Context(database, SHORT))
    assert database.conn.execute("SHOW lock_timeout").fetchone() == ("0",)
    assert database.conn.execute("SHOW statement_timeout").fetchone() == ("0",)
    step = Index("things_n_idx", "things", "n")
    step.apply(Context(database, SHORT))
    with database.transaction() as conn:
        assert step.done(conn)


def test_a_build_is_not_taken_for_a_wait_where_its_progress_is_hidden(
    database_url: str, opened: Open
) -> None:
    """A role that the session was switched to does not see what its own login does."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        name = sql.Identifier(f"owner_of_{conn.info.dbname}")
        conn.execute(
            THINGS.encode()
            + b"DELETE FROM things WHERE id > 20;"
            + b"CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
            b" 'BEGIN PERFORM pg_sleep(0.1); RETURN n; END'"
        )
        conn.execute(sql.SQL("CREATE ROLE {}").format(name))
        conn.execute(sql.SQL("ALTER TABLE things OWNER TO {}").format(name))
        conn.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(name))
        try:
            options = conninfo.make_conninfo(
                database_url, options=f"-c role=owner_of_{conn.info.dbname}"
            )
            step = Index("things_slow_idx", "things", "slow(n)")
            step.apply(Context(opened(options), replace(SHORT, quiet=0.3)))
            made = conn.execute("SELECT FROM pg_class WHERE relname = 'things_slow_idx'")
            assert made.fetchone() is not None
        finally:
            conn.execute(sql.SQL("DROP OWNED BY {}").format(name))
            conn.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_label_that_is_added_and_used_on_an_empty_schema(database_url: str, opened: Open) -> None:
    """In one transaction PostgreSQL refuses the use of it."""
    database = opened(database_url)
    database.conn.execute("CREATE TYPE mood AS ENUM ('happy'); CREATE TABLE things (id int)")
    wanted: list[steps.Step] = [
        AddLabel("mood", "sad"),
        AddColumn("things", "m", "mood NOT NULL DEFAULT 'sad'"),
    ]
    steps.run(Context(database), wanted, at_once=True)
    database.conn.execute("INSERT INTO things VALUES (1)")
    assert database.conn.execute("SELECT m::text FROM things").fetchone() == ("sad",)


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
    assert migrate.current(database) == revisions.head()
    told: list[str] = []
    steps.run(
        Context(database, tell=in_lines(told.append)), [Index("idx_users_role", "users", "role")]
    )
    assert told == []
