"""Tests on databases that hold lmsschema's tables and the application's."""

import uuid

import pytest
from bookmarks import bookmark_reads, bookmarks
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError


def test_that_a_bookmark_was_read_is_noted(lms_engine: Engine) -> None:
    with lms_engine.begin() as connection:
        connection.execute(insert(bookmark_reads).values(bookmark_id=uuid.uuid4()))
        count = select(func.count()).select_from(bookmark_reads)
        assert connection.scalar(count) == 1
        assert connection.scalar(text("SELECT count(*) FROM bookmark_reads_default")) == 0


def test_a_bookmark_is_a_users(lms_engine: Engine) -> None:
    nobody = insert(bookmarks).values(user_id=uuid.uuid4(), section_id=uuid.uuid4())
    with lms_engine.begin() as connection, pytest.raises(IntegrityError, match="user_id"):
        connection.execute(nobody)
