"""``course_analytics`` says what its sources say, in whatever order they came and were computed."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import DictRow

from tests.support import analytics
from tests.support.campus import Campus
from tests.support.gradebooks import Gradebook

Conn = psycopg.Connection[DictRow]

START = dt.datetime(2026, 3, 1, 20, tzinfo=dt.UTC)

ROWS = """
    SELECT course_id, analysis_period::text, period_start,
        md5(concat(to_jsonb(a) - '{id,calculated_at}'::text[]))
    FROM course_analytics AS a ORDER BY 1, 2, 3
"""
WRITTEN = "SELECT id, calculated_at, xmin::text, ctid::text FROM course_analytics ORDER BY id"
ALL = """
    INSERT INTO recalculations (kind, course_id) SELECT 'analytics', c.id FROM courses AS c
"""


def drain(conn: Conn, batch: int = 50) -> None:
    """Work off the queue of courses."""
    while conn.execute("SELECT recalculate_analytics(%s) AS n", [batch]).fetchone() != {"n": 0}:
        pass


@pytest.fixture(scope="module")
def campus(graded_database: Conn) -> Iterator[Campus]:
    """A campus whose changes are not made yet."""
    yield Campus(graded_database, 1, START)
    graded_database.rollback()


@pytest.fixture
def kept(campus: Campus) -> Iterator[Conn]:
    """A part of the transaction that is rolled back: the campus stays as it is."""
    with campus.conn.transaction(force_rollback=True):
        yield campus.conn


def test_it_is_what_plain_python_computes(campus: Campus, kept: Conn) -> None:
    for change, values in campus.changes:
        kept.execute(change, values)
    drain(kept)
    expected = analytics.courses(campus)
    found = {
        (row["course_id"], row["analysis_period"], row["period_start"]): row
        for row in campus.rows("course_analytics")
    }
    assert len(expected) > 200
    assert {kind for _, kind, _ in expected} == {"daily", "weekly", "monthly", "semester"}
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert {name: found[key][name] for name in row} == row, key
    for column in next(iter(expected.values())):
        different = {json.dumps(row[column], default=str) for row in expected.values()}
        assert len(different) > 1, column  # it was put to the test


def test_again_it_writes_nothing(campus: Campus, kept: Conn) -> None:
    for change, values in campus.changes:
        kept.execute(change, values)
    drain(kept)
    before = kept.execute(WRITTEN).fetchall()
    kept.execute(ALL)
    drain(kept)
    kept.execute("SELECT refresh_course_analytics(c.id) FROM courses AS c")
    assert kept.execute(WRITTEN).fetchall() == before


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_ends_in_the_same_rows(campus: Campus, data: st.DataObject) -> None:
    """The facts in any order, computed in between at any time, in batches of any size."""
    conn = campus.conn
    changes = data.draw(st.permutations(campus.changes))
    stops = data.draw(st.sets(st.integers(1, len(changes)), max_size=5))
    batch = data.draw(st.sampled_from([1, 4, 50]))
    with conn.transaction(force_rollback=True):
        for number, (change, values) in enumerate(changes, 1):
            conn.execute(change, values)
            if number in stops:
                drain(conn, batch)
        drain(conn, batch)
        made = conn.execute(ROWS).fetchall()
        conn.execute("DELETE FROM course_analytics")
        conn.execute(ALL)
        drain(conn)
        assert conn.execute(ROWS).fetchall() == made


def test_two_runs_at_once(kept: Conn) -> None:
    """The second leaves the queue to the first."""
    kept.execute(ALL)
    drain(kept, 1)
    with psycopg.connect(kept.info.dsn) as other:
        assert other.execute("SELECT recalculate_analytics()").fetchone() == (None,)


def test_by_hand(conn: Conn) -> None:
    """Two learners of a course with two sections, on the clock of Kolkata.

    On 1 March both are enrolled; the first works 600 s at 00:30 of 2 March there, which is
    1 March in London, and completes one section: 1 of 2 · 2. On 3 March the second leaves.
    """
    book = Gradebook(conn, zone="Asia/Kolkata")
    conn.execute("DELETE FROM enrollments")
    lesson = book.insert("lessons", course_id=book.course, title="L", order_index=1)
    first, _ = (
        book.insert(
            "sections",
            lesson_id=lesson,
            title="S",
            content="",
            section_type="content",
            order_index=n,
            interaction_type="read",
        )
        for n in (1, 2)
    )
    ada, bob = book.user(), book.user()
    for user, status, gone in ((ada, "active", None), (bob, "withdrawn", "2026-03-03 10:00Z")):
        book.insert(
            "enrollments",
            user_id=user,
            course_id=book.course,
            enrolled_at="2026-03-01 10:00Z",
            enrollment_status=status,
            withdrawn_at=gone,
        )
    conn.execute(
        "INSERT INTO learner_course_daily SELECT %s, %s, '2026-03-02', 2, 2, 600, 1,"
        " array_fill(1, ARRAY[24]), '2026-03-01 19:00Z', '2026-03-01 19:10Z'",
        [book.course, ada],
    )
    conn.execute(
        "INSERT INTO section_progress (user_id, section_id, enrollment_id, started_at,"
        " completed_at, completion_status, mastery_level)"
        " SELECT e.user_id, %s, e.id, '2026-03-01 19:00Z',"
        " '2026-03-01 19:10Z', 'completed', 'advanced' FROM enrollments AS e WHERE e.user_id = %s",
        [first, ada],
    )
    drain(conn)
    rows = conn.execute(
        "SELECT period_start, total_enrollments, active_learners, dropped_learners,"
        " average_time_spent, average_completion_rate, average_mastery_score,"
        " institution_percentile"
        " FROM course_analytics WHERE analysis_period = 'daily' ORDER BY 1"
    ).fetchall()
    nothing = (None, Decimal("0.00"), None, None)
    done = (Decimal("25.00"), Decimal("1.00"), None)
    assert [tuple(row.values()) for row in rows] == [
        (dt.date(2026, 3, 1), 2, 0, 0, *nothing),
        (dt.date(2026, 3, 2), 2, 1, 0, Decimal("10.00"), *done),
        (dt.date(2026, 3, 3), 2, 0, 1, None, *done),
    ]
    [(months, active)] = [
        (row["n"], row["active"])
        for row in conn.execute(
            "SELECT count(*) AS n, sum(active_learners) AS active FROM course_analytics"
            " WHERE analysis_period = 'monthly'"
        ).fetchall()
    ]
    assert (months, active) == (1, 1)


def test_what_is_the_applications_stays(conn: Conn) -> None:
    """Its columns, and rows of a time of which nothing is known any more."""
    book = Gradebook(conn)
    conn.execute(
        "INSERT INTO course_analytics (course_id, analysis_period, period_start, period_end,"
        " total_enrollments, active_learners, content_effectiveness_scores)"
        " SELECT %s, 'monthly', x.day, x.day + 30, 9, 7, '{\"a\": 1}'"
        " FROM (VALUES ('1999-01-01'::date), ('2000-01-01')) AS x (day)",
        [book.course],
    )
    conn.execute(ALL)
    drain(conn)
    rows = conn.execute(
        "SELECT total_enrollments, active_learners, content_effectiveness_scores AS scores"
        " FROM course_analytics WHERE analysis_period = 'monthly' ORDER BY period_start"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [(9, 7, {"a": 1}), (1, 0, {"a": 1})]


def test_a_day_that_turned_out_void_goes(conn: Conn) -> None:
    book = Gradebook(conn)
    conn.execute(
        "INSERT INTO learner_course_daily SELECT course_id, user_id, '2026-03-02', 1, 1, 60, 0,"
        " array_fill(1, ARRAY[24]), '2026-03-02Z', '2026-03-02Z' FROM enrollments"
    )
    queue = (
        "INSERT INTO recalculations (kind, course_id, day) VALUES ('analytics', %s, '2026-03-02')"
    )
    for statement, days in (("SELECT 1", 1), ("DELETE FROM learner_course_daily", 0)):
        conn.execute(statement.encode())
        conn.execute(queue, [book.course])
        drain(conn)
        found = conn.execute(
            "SELECT count(*) AS n FROM course_analytics WHERE period_start > '2026-01-01'"
            " AND analysis_period = 'daily'"
        ).fetchone()
        assert found == {"n": days}


@pytest.mark.parametrize(
    "terms",
    [
        "1",
        '[{"name": "t", "starts": "x"}]',
        '[{"name": "t", "starts": "2026-02-30", "ends": "2026-03-01"}]',
        '[{"name": "t", "starts": "2026-03-01", "ends": "infinity"}]',
        '[{"name": "t", "starts": "2026-03-01", "ends": "2026-02-01"}]',
    ],
)
def test_a_calendar_that_is_none(conn: Conn, terms: str) -> None:
    book = Gradebook(conn)
    conn.execute("UPDATE courses SET academic_term = 't'")
    conn.execute(
        "UPDATE institutions SET academic_calendar = jsonb_build_object('terms', %s::jsonb)",
        [terms],
    )
    term = conn.execute("SELECT starts, ends FROM course_term(%s)", [book.course]).fetchone()
    assert term == {"starts": None, "ends": None}
    drain(conn)
