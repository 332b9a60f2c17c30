"""Two real sets of data go into a migrated database, come back whole, and are found fast."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.locks.context import Context
from lmsschema.migration.upgrade import upgrade
from lmsschema.partition_manager import ensure
from lmsschema.partition_manager.state import State
from lmsschema.partitions import LEARNING_EVENTS, Create, Range, plan_range
from lmsschema.testing.databases import Databases
from tests.support.real_data import load, oulad, xapi

DRIVER = "postgresql+psycopg"

HISTORY = [
    Range(datetime(2013, 1, 1, tzinfo=UTC), datetime(2015, 10, 1, tzinfo=UTC)),
    Range(datetime(2021, 11, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)),
]
"""From the first month's start to the last one's end, of each set."""

CATALOGUE = """
    INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level)
    SELECT c.institution_id, s.title, c.title || ': ' || s.interaction_type || ' ' || s.content,
        'unknown', 'intermediate'
    FROM sections AS s
    INNER JOIN lessons AS l ON l.id = s.lesson_id
    INNER JOIN courses AS c ON c.id = l.course_id
"""

SEARCH = """
    SELECT title
    FROM courses
    WHERE to_tsvector('english', title || ' ' || description)
        @@ plainto_tsquery('english', 'resources 546943')
"""

TIMELINE = """
    SELECT event_timestamp, event_data ->> 'score'
    FROM learning_events
    WHERE user_id = %s
        AND event_timestamp >= '2014-01-01 00:00+00' AND event_timestamp < '2014-05-01 00:00+00'
    ORDER BY event_timestamp DESC
"""


@pytest.fixture(scope="module")
def loaded(lms_databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection to a database at head that holds both sets; tests leave it as it is."""
    folder = load.folder()
    name = lms_databases.create()
    database = connect(Target(lms_databases.url(name), "the test"))
    with database.conn as conn:
        upgrade(database)
        ensure.make(Context(database), LEARNING_EVENTS, history)
        engine = create_engine(make_url(lms_databases.url(name)).set(drivername=DRIVER))
        for rows in (oulad.tables(folder / "oulad"), xapi.tables(folder / "xapi")):
            with engine.begin() as transaction:
                load.load(transaction, rows)
        engine.dispose()
        conn.execute("ANALYZE")
        yield conn
    lms_databases.drop(name)


def history(state: State) -> list[Create]:
    return [
        create
        for months in HISTORY
        for create in plan_range(LEARNING_EVENTS, state.partitions, months)
    ]


def read(conn: psycopg.Connection, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    # values go into the text: with parameters the planner could leave the months to the executor
    return psycopg.ClientCursor(conn).execute(query, values).fetchall()


def scans(conn: psycopg.Connection, query: LiteralString, *values: object) -> list[dict[str, Any]]:
    """Return the nodes of a query's plan that read a table or an index."""
    [([plan],)] = read(conn, "EXPLAIN (FORMAT JSON) " + query, *values)
    nodes, found = [plan["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node or "Index Name" in node:
            found.append(node)
    return found


def tables_of(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in nodes if "Relation Name" in node}


def indexes_of(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def test_every_student_and_registration_is_back(loaded: psycopg.Connection) -> None:
    query = """
        SELECT count(DISTINCT e.user_id), count(*)
        FROM enrollments AS e
        INNER JOIN users AS u ON u.id = e.user_id
        INNER JOIN institutions AS i ON i.id = u.institution_id
        WHERE i.domain = 'oulad.invalid'
    """
    assert read(loaded, query) == [(28_785, 32_593)]


def test_every_final_result_is_back(loaded: psycopg.Connection) -> None:
    query = """
        SELECT enrollment_status::text, grade_letter, count(*)
        FROM enrollments
        GROUP BY enrollment_status, grade_letter
    """
    assert set(read(loaded, query)) == {
        ("completed", "P", 12_361),
        ("completed", "D", 3_024),
        ("completed", "F", 7_052),
        ("withdrawn", "W", 10_156),
    }


def test_every_assessment_handed_in_is_back_with_its_score(loaded: psycopg.Connection) -> None:
    query = """
        SELECT count(*), count(*) FILTER (WHERE event_action = 'banked'),
            count(event_data ->> 'score'), sum((event_data ->> 'score')::integer)
        FROM learning_events
        WHERE event_category = 'assessment'
    """
    assert read(loaded, query) == [(173_912, 1_909, 173_739, 13_169_342)]


def test_every_statement_is_back(loaded: psycopg.Connection) -> None:
    query = """
        SELECT count(*), count(DISTINCT e.user_id), count(DISTINCT e.course_id),
            count(DISTINCT e.section_id), count(DISTINCT e.session_id),
            count(*) FILTER (WHERE e.event_data ? 'https://w3id.org/xapi/video/extensions/time-to')
        FROM learning_events AS e
        INNER JOIN courses AS c ON c.id = e.course_id
        INNER JOIN institutions AS i ON i.id = c.institution_id
        WHERE i.domain = 'fun-mooc.invalid'
    """
    assert read(loaded, query) == [(22_000, 1_452, 2, 10, 3_656, 2_995)]


def test_every_session_holds_its_statements(loaded: psycopg.Connection) -> None:
    query = """
        SELECT count(*), sum(interactions_count), sum(held)
        FROM learning_sessions AS s
        CROSS JOIN LATERAL (
            SELECT count(*) AS held
            FROM learning_events AS e
            WHERE e.session_id = s.id AND e.user_id = s.user_id AND e.course_id = s.course_id
                AND e.event_timestamp BETWEEN s.session_start AND s.session_end
        ) AS e
    """
    assert read(loaded, query) == [(3_656, 22_000, 22_000)]


def test_events_lie_in_the_partitions_of_their_months(loaded: psycopg.Connection) -> None:
    query = """
        SELECT tableoid::regclass::text, to_char(event_timestamp AT TIME ZONE 'UTC', 'YYYY_MM'),
            count(*)
        FROM learning_events
        GROUP BY 1, 2
    """
    found = read(loaded, query)
    assert [table for table, month, _ in found if table != f"learning_events_{month}"] == []
    counts = {month: count for _, month, count in found}
    assert len(counts) == len(found) == 35
    assert sum(counts.values()) == 173_912 + 22_000
    assert (counts["2021_11"], counts["2021_12"]) == (21_232, 768)


def test_a_course_search_reads_the_search_index(loaded: psycopg.Connection) -> None:
    # 24 courses are read faster without an index: the search is that of a catalogue of thousands,
    # which has a course for every section of the data
    with loaded.transaction(force_rollback=True):
        loaded.execute(CATALOGUE)
        loaded.execute("ANALYZE courses")
        nodes = scans(loaded, SEARCH)
        assert tables_of(nodes) == {"courses"}
        assert indexes_of(nodes) == {"idx_courses_search"}
        assert read(loaded, SEARCH) == [("resource 546943",)]


def test_a_learners_timeline_reads_only_its_months(loaded: psycopg.Connection) -> None:
    student = oulad.student_id("11391")
    assert read(loaded, TIMELINE, student) == [
        (datetime(2014, 3, 14, tzinfo=UTC), "85"),
        (datetime(2014, 1, 24, tzinfo=UTC), "80"),
    ]
    nodes = scans(loaded, TIMELINE, student)
    assert tables_of(nodes) == {f"learning_events_2014_0{month}" for month in (1, 2, 3, 4)}
    parents = {
        read(
            loaded,
            "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = %s::regclass",
            index,
        )[0]
        for index in indexes_of(nodes)
    }
    assert parents == {("idx_learning_events_user_time",)}


def test_absent_data_is_a_skip_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMSSCHEMA_TEST_DATA", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"{tmp_path}.*LMSSCHEMA_TEST_DATA"):
        load.folder()


def test_absent_data_fails_in_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMSSCHEMA_TEST_DATA", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{tmp_path}.*LMSSCHEMA_TEST_DATA"):
        load.folder()
