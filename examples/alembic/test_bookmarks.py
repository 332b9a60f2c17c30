"""Tests on databases that hold lmsschema's tables and the application's."""

from bookmarks import bookmark_reads, bookmarks
from sqlalchemy import Engine, func, insert, select

from lmsschema.tables import foundation


def test_a_bookmark_is_read(lms_engine: Engine) -> None:
    with lms_engine.begin() as connection:
        made = connection.execute(insert(bookmark_reads).values(bookmark_id=func.gen_random_uuid()))
        assert made.rowcount == 1
        assert connection.scalar(select(func.count()).select_from(bookmarks)) == 0


def test_users_have_what_the_application_adds(lms_engine: Engine) -> None:
    with lms_engine.connect() as connection:
        found = connection.execute(select(foundation.users).with_only_columns(func.count()))
        assert found.scalar_one() == 0
        connection.exec_driver_sql("SELECT bookmarks_max FROM users")
