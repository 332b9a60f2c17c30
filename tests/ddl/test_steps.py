"""What the lock-safe operations refuse, wait for, and take up again."""

import time
from dataclasses import replace

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn
from lmsschema.ddl.enum_label import AddLabel
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.unique import Unique
from lmsschema.drift import check
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.locks.context import Context, in_lines
from lmsschema.migration.upgrade import upgrade
from lmsschema.partition_manager import ensure
from lmsschema.partition_manager.state import State
from lmsschema.partitions import GRADE_CHANGES, LEARNING_EVENTS, Create, plan
from tests.support import upgrading
from tests.support.ddl_steps import SHORT, THINGS, Open


def test_broken_rules_are_counted_and_nothing_is_changed(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    upgrade(database, "0003_analytics")
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
    upgrade(database, "0003_analytics")
    upgrading.upgrade(database)

    def next_months(state: State) -> list[Create]:
        ahead = LEARNING_EVENTS.step(LEARNING_EVENTS.start(state.now), 2)
        wanted = plan(LEARNING_EVENTS, state.partitions, ahead)
        return [one for one in wanted if isinstance(one, Create)]

    made = ensure.make(Context(database), LEARNING_EVENTS, next_months)
    assert len(made.done) == 2
    ensure.ensure(Context(database), GRADE_CHANGES)
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
    database.conn.execute(THINGS)
    limit = database.conn.execute("SHOW lock_timeout").fetchone()
    with psycopg.connect(database_url) as older:
        older.execute("LOCK TABLE things IN ROW EXCLUSIVE MODE")
        with pytest.raises(LockTimeoutError, match="did not build index things_n_idx"):
            Index("things_n_idx", "things", "n").apply(Context(database, SHORT))
    assert database.conn.execute("SHOW lock_timeout").fetchone() == limit == ("1min",)
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
