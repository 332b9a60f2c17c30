"""What doctor finds of rows that contradict rows of other tables, which no constraint holds."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import conninfo, sql

from lmsschema.database.connection import Database
from lmsschema.doctor import examine
from lmsschema.doctor.finding import Limits
from lmsschema.migration.upgrade import upgrade
from tests.support import upgrading
from tests.support.doctors import found, mend

Open = Callable[..., Database]

#: A second institution with a user, and a second course of the first with a lesson and a section.
OTHERS = """
    INSERT INTO institutions (name, domain, education_level) VALUES ('B', 'b.example', 'k12');
    INSERT INTO users (institution_id, email, username, role)
    SELECT id, 'x@b.example', 'x', 'instructor' FROM institutions WHERE name = 'B';
    INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level)
    SELECT id, 'other', 'd', 's', 'beginner' FROM institutions WHERE name = 'A';
    INSERT INTO lessons (course_id, title, order_index)
    SELECT id, 'other', 1 FROM courses WHERE title = 'other';
    INSERT INTO sections
    (lesson_id, title, content, section_type, order_index, interaction_type)
    SELECT id, 'other', 'c', 'content', 1, 'read' FROM lessons WHERE title = 'other';
"""

#: Table → what makes rows of it contradict others, how many, and whether somebody must act.
CASES = {
    "section_progress": (
        (
            "UPDATE section_progress"
            " SET section_id = (SELECT id FROM sections WHERE title = 'other')"
            " WHERE id IN (SELECT DISTINCT ON (user_id) id FROM section_progress)"
        ),
        50,
        True,
    ),
    "lesson_progress": (
        (
            "UPDATE lesson_progress SET lesson_id = (SELECT id FROM lessons WHERE title = 'other')"
            " WHERE id IN (SELECT id FROM lesson_progress LIMIT 2)"
        ),
        2,
        True,
    ),
    "courses": (
        (
            "UPDATE courses SET instructor_id = (SELECT id FROM users WHERE username = 'x')"
            " WHERE title = 'other'"
        ),
        1,
        False,
    ),
    "enrollments": (
        (
            "INSERT INTO enrollments (user_id, course_id)"
            " SELECT u.id, c.id FROM users u, courses c"
            " WHERE u.username = 'x' AND c.title = 'other'"
        ),
        1,
        False,
    ),
}


@pytest.fixture
def filled(other: psycopg.Connection) -> psycopg.Connection:
    """A session on a database with rows in all tables, none of which contradicts another."""
    other.execute(upgrading.FILL.encode())
    other.execute(OTHERS.encode())
    return other


def test_they_are_counted_and_the_query_finds_them(
    database: Database, filled: psycopg.Connection
) -> None:
    assert found(database, "contradicting-rows") == []
    for statement, _, _ in CASES.values():
        filled.execute(statement.encode())
    findings = {one.name: one for one in found(database, "contradicting-rows")}
    assert set(findings) == set(CASES)
    ids = {}
    for table, (_, count, urgent) in CASES.items():
        finding = findings[table]
        assert (finding.details["rows"], finding.action_required) == (count, urgent)
        [query] = finding.remedy
        ids[table] = [row[0] for row in filled.execute(query.encode())]
        assert len(ids[table]) == count
    for table, wrong in ids.items():
        delete = sql.SQL("DELETE FROM {} WHERE id = ANY (%s)").format(sql.Identifier(table))
        filled.execute(delete, [wrong])
    assert found(database, "contradicting-rows") == []


def test_whoever_learns_in_a_public_course_contradicts_nothing(
    database: Database, filled: psycopg.Connection
) -> None:
    filled.execute(CASES["enrollments"][0].encode())
    filled.execute("UPDATE courses SET visibility = 'public'")
    assert found(database, "contradicting-rows") == []


def test_what_was_not_read_in_time_is_said(database: Database, filled: psycopg.Connection) -> None:
    filled.execute(
        "SET session_replication_role = replica;"  # no look at each row's keys
        "INSERT INTO section_progress (user_id, section_id, enrollment_id)"
        " SELECT user_id, gen_random_uuid(), id FROM enrollments, generate_series(1, 1000)"
    )
    limits = Limits(question=timedelta(milliseconds=1))
    unread = {one.name: one for one in found(database, "rows-not-read", limits)}
    assert "section_progress" in unread
    assert not unread["section_progress"].action_required
    mend(filled, unread["section_progress"])
    with filled.transaction():
        filled.execute("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE")
        assert {one.name for one in found(database, "rows-not-read")} == {"courses", "enrollments"}
    assert found(database, "rows-not-read") == []


def test_who_may_not_read_the_rows_is_told_so(
    upgraded_url: str, filled: psycopg.Connection, opened: Open
) -> None:
    role = sql.Identifier(f"reads_nothing_{filled.info.dbname}")
    filled.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role))
    filled.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    filled.execute(CASES["courses"][0].encode())
    try:
        name = role.as_string().strip('"')
        database = opened(
            conninfo.make_conninfo(upgraded_url, user=name, password="x"), schema="public"
        )
        [finding] = found(database, "rows-not-read")
        assert not finding.action_required
        assert finding.name == "section_progress, lesson_progress, courses, enrollments"
        assert "permission denied for schema public" in finding.message
        mend(filled, finding)
        assert [one.name for one in found(database, "contradicting-rows")] == ["courses"]
    finally:
        filled.execute(sql.SQL("DROP OWNED BY {}").format(role))
        filled.execute(sql.SQL("DROP ROLE {}").format(role))


def test_before_the_tables_are_made_nothing_is_asked(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    upgrade(database, "0001_foundation")
    topics = {one.topic for one in examine.examine(database).findings}
    assert topics.isdisjoint({"contradicting-rows", "rows-not-read"})
