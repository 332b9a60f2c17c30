"""A column that a trigger fills: in batches, without waiting for anybody, again after an end."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.ddl.backfill import Backfill
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Progress
from lmsschema.migration.upgrade import upgrade
from tests.support import upgrading
from tests.support.ddl_steps import SHORT

Open = Callable[..., Database]

THINGS = """
    CREATE TABLE things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, twice int);
    INSERT INTO things (n) SELECT g FROM generate_series(1, 1000) AS g;
    CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        new.twice := 2 * new.n;
        RETURN new;
    END
    $$;
    CREATE TRIGGER double BEFORE UPDATE OR INSERT ON things
    FOR EACH ROW EXECUTE FUNCTION double();
"""

STEP = Backfill("things", "twice")


def left(database: Database) -> object:
    row = database.conn.execute("SELECT count(*) FROM things WHERE twice IS DISTINCT FROM 2 * n")
    return (row.fetchone() or (None,))[0]


def test_rows_that_others_have_locked_come_last_and_are_not_waited_for_for_ever(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM things WHERE n % 100 = 0 FOR UPDATE")
        with pytest.raises(LockTimeoutError, match="keep rows of things locked"):
            STEP.apply(Context(database, SHORT))
        assert left(database) == 10
    told: list[Progress] = []
    STEP.apply(Context(database, SHORT, told.append))
    assert left(database) == 0
    assert [(one.done, one.total) for one in told] == [(10, 10)]
    with database.transaction() as conn:
        assert STEP.done(conn)


def test_each_batch_is_a_transaction_of_its_own(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(THINGS)
    seen: list[int] = []

    def look(_: Progress) -> None:
        with psycopg.connect(database_url) as other:
            row = other.execute("SELECT count(*) FROM things WHERE twice IS NULL").fetchone()
            seen.append(row[0] if row else -1)

    STEP.apply(Context(database, SHORT, look))
    assert seen == list(range(900, -1, -100))


def test_courses_that_were_there_are_found_and_keep_their_times(
    database_url: str, opened: Open
) -> None:
    database = opened(database_url)
    upgrade(database, "0006_settings")
    database.conn.execute(upgrading.FILL)
    database.conn.execute("UPDATE courses SET title = 'Algebra'")
    times = "SELECT updated_at FROM courses"
    before = database.conn.execute(times).fetchall()
    upgrading.upgrade(database)
    assert database.conn.execute(times).fetchall() == before
    found = database.conn.execute("SELECT count(*) FROM courses WHERE search @@ 'algebra'")
    assert found.fetchone() == (1,)


def test_who_had_left_before_it_was_noted_left_at_the_last_change(
    database_url: str, opened: Open
) -> None:
    """Only rows of a condition are filled; the others keep their NULL and their times."""
    database = opened(database_url)
    upgrade(database, "0007_search")
    database.conn.execute(upgrading.FILL)
    database.conn.execute(WITHDRAWN)
    upgrading.upgrade(database)
    found = database.conn.execute(
        "SELECT enrollment_status::text, withdrawn_at::date::text, updated_at::date::text"
        " FROM enrollments ORDER BY 1"
    ).fetchall()
    assert found[0] == ("active", None, "2020-03-01")
    assert found[1][:2] == ("withdrawn", "2020-03-01")


#: Two enrollments that were last changed long ago.
WITHDRAWN = """
    ALTER TABLE enrollments DISABLE TRIGGER set_updated_at;
    INSERT INTO users (institution_id, email, username, role)
    SELECT institution_id, 'left@a.example', 'left', 'student' FROM courses LIMIT 1;
    DELETE FROM enrollments;
    INSERT INTO enrollments (user_id, course_id, enrollment_status, updated_at)
    SELECT u.id, c.id, 'active', '2020-03-01Z' FROM users AS u, courses AS c
    WHERE c.id = (SELECT id FROM courses LIMIT 1) ORDER BY u.username = 'left' DESC LIMIT 2;
    UPDATE enrollments SET enrollment_status = 'withdrawn'
    WHERE user_id = (SELECT id FROM users WHERE username = 'left');
    ALTER TABLE enrollments ENABLE TRIGGER set_updated_at;
"""
