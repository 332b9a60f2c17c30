"""Changes of all kinds, workers that are interrupted anywhere: the rows of one full recomputation.

A course of its own for each case, in one database. What is expected is computed at the end from
nothing, and taken back.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, LiteralString

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st
from psycopg import errors
from psycopg.rows import DictRow, dict_row

from tests.support.gradebooks import Gradebook

#: What may change; of each table it is one row of the course: %(a)s chooses it, %(b)s is a value.
CHANGES: dict[str, LiteralString] = {
    "hand in": """
        INSERT INTO assessment_attempts
            (enrollment_id, assessment_id, started_at, submitted_at, status, score)
        SELECT e.id, a.id, a.due_at - interval '1 day', a.due_at + %(b)s * interval '5 hours',
            (CASE WHEN %(b)s = 0 THEN 'submitted' ELSE 'graded' END)::attempt_status,
            nullif(%(b)s, 0)
        FROM one_enrollment AS e, one_assessment AS a
    """,
    "grade or void": """
        UPDATE assessment_attempts AS t SET score = %(b)s,
            status = (CASE WHEN %(b)s = 0 THEN 'voided' ELSE 'graded' END)::attempt_status
        FROM one_assessment AS a WHERE a.id = t.assessment_id
    """,
    "override": """
        INSERT INTO grades (enrollment_id, assessment_id, override_score)
        SELECT e.id, a.id, %(b)s FROM one_enrollment AS e, one_assessment AS a
        ON CONFLICT (enrollment_id, assessment_id)
        DO UPDATE SET override_score = nullif(excluded.override_score, 0)
    """,
    "excuse": """
        UPDATE grades AS g SET is_excused = NOT g.is_excused
        FROM one_assessment AS a WHERE a.id = g.assessment_id
    """,
    "hide": """
        UPDATE grades AS g SET posted_at = CASE WHEN %(b)s > 4 THEN now() END
        FROM one_assessment AS a WHERE a.id = g.assessment_id
    """,
    "overrule": """
        INSERT INTO course_grades (enrollment_id, course_id, override_percentage, override_label)
        SELECT e.id, e.course_id, 10 * %(b)s, 'Own' FROM one_enrollment AS e
        ON CONFLICT (enrollment_id, grading_period_id)
        DO UPDATE SET override_percentage = nullif(excluded.override_percentage, 0)
    """,
    "finalize": """
        UPDATE course_grades AS g SET finalized_at = CASE WHEN g.finalized_at IS NULL THEN now() END
        FROM one_enrollment AS e WHERE e.id = g.enrollment_id
    """,
    "group": """
        UPDATE assessment_groups AS s SET weight = %(b)s, drop_lowest = %(b)s %% 2
        FROM one_group AS o WHERE o.id = s.id
    """,
    "assessment": """
        UPDATE assessments AS t SET due_at = t.due_at + (%(b)s - 5) * interval '7 hours',
            is_extra_credit = %(b)s = 3, never_drop = %(b)s = 4,
            score_policy = (enum_range(NULL::score_policy))[1 + %(b)s %% 4]
        FROM one_assessment AS a WHERE a.id = t.id
    """,
    "exception": """
        INSERT INTO assessment_overrides (assessment_id, course_id, enrollment_id, due_at)
        SELECT a.id, a.course_id, e.id, a.due_at + %(b)s * interval '10 hours'
        FROM one_enrollment AS e, one_assessment AS a
        ON CONFLICT (assessment_id, enrollment_id) DO UPDATE SET due_at = excluded.due_at
    """,
    "late policy": """
        UPDATE late_policies SET deduction_percent = %(b)s WHERE course_id = %(course)s
    """,
    "weighted": """
        UPDATE gradebooks SET is_weighted = NOT is_weighted, max_percentage = 50 + 10 * %(b)s
        WHERE course_id = %(course)s
    """,
    "period": """
        INSERT INTO grading_periods (course_id, name, starts_at)
        VALUES (%(course)s, 'p', timestamptz '2020-01-01Z' + (%(a)s * 3 + %(b)s) * interval '1 day')
        ON CONFLICT (course_id, starts_at) DO UPDATE SET weight = grading_periods.weight + 1
    """,
    "round": """
        UPDATE grading_schemes SET round_to = %(b)s %% 5 WHERE institution_id = %(institution)s
    """,
    "order": """
        UPDATE grade_recalculations AS q
        SET queued_at = now() - abs(hashtext(q.id::text || %(b)s)) * interval '1 ms'
        WHERE q.course_id = %(course)s
    """,
}

CHOSEN: LiteralString = """
    WITH one_enrollment AS (
        SELECT * FROM enrollments WHERE course_id = %(course)s ORDER BY id OFFSET %(a)s %% 3 LIMIT 1
    ),
    one_assessment AS (
        SELECT * FROM assessments WHERE course_id = %(course)s
        ORDER BY order_index OFFSET %(a)s %% 4 LIMIT 1
    ),
    one_group AS (
        SELECT * FROM assessment_groups WHERE course_id = %(course)s
        ORDER BY order_index OFFSET %(a)s %% 2 LIMIT 1
    )
"""

ROWS: LiteralString = """
    SELECT jsonb_agg(x.r ORDER BY x.r) AS found FROM (
        SELECT to_jsonb(g) - ARRAY['id', 'graded_at', 'created_at', 'updated_at'] AS r
        FROM grades AS g WHERE g.course_id = %(course)s
        UNION ALL
        SELECT to_jsonb(c) - ARRAY['id', 'computed_at']
        FROM course_grades AS c WHERE c.course_id = %(course)s
        UNION ALL
        SELECT jsonb_build_array(e.id, e.grade, e.grade_letter)
        FROM enrollments AS e WHERE e.course_id = %(course)s
    ) AS x
"""

FROM_NOTHING: tuple[LiteralString, ...] = (
    """
    UPDATE course_grades
    SET current_percentage = NULL, final_percentage = NULL, staff_current_percentage = 1,
        staff_final_percentage = 1, current_label = NULL, final_label = NULL, details = '{}'
    WHERE course_id = %(course)s AND finalized_at IS NULL
    """,
    """
    UPDATE grades SET raw_score = NULL, late_deduction = 0, attempt_id = NULL, status =
        CASE status WHEN 'graded' THEN 'partially_graded' WHEN 'partially_graded' THEN 'graded'
            WHEN 'submitted' THEN 'not_submitted' ELSE 'submitted' END::grade_status
    WHERE course_id = %(course)s
    """,
    "UPDATE enrollments SET grade = NULL, grade_letter = NULL WHERE course_id = %(course)s",
    "SELECT recalculate_course(%(course)s)",
)

#: Milliseconds after which a worker is stopped, and how: by its own limit, or by somebody else.
STOPS = st.tuples(st.sampled_from(["limit", "kill"]), st.integers(1, 25))

STEPS = st.one_of(
    st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 11), st.integers(0, 9)),
    st.tuples(st.just("work"), st.one_of(st.none(), STOPS), st.integers(1, 6)),
)


@pytest.fixture
def admin(lms_database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A session that makes courses and changes, and never computes."""
    with psycopg.connect(lms_database_url, row_factory=dict_row, autocommit=True) as conn:
        yield conn


def work(url: str, stop: tuple[str, int] | None, batch: int) -> None:
    """Work off the queue, until it is empty, or the worker is stopped in the middle."""
    ended = threading.Event()
    with closing(psycopg.connect(url, autocommit=True)) as session:
        if stop and stop[0] == "limit":
            session.execute(f"SET statement_timeout TO {stop[1]}".encode())
        killer = threading.Thread(target=_kill, args=(url, session, stop, ended))
        killer.start()
        try:
            while (row := session.execute("SELECT recalculate_grades(%s)", [batch]).fetchone())[0]:  # type: ignore[index]
                assert row
        except (errors.QueryCanceled, errors.AdminShutdown, psycopg.OperationalError):
            assert stop
        finally:
            ended.set()
            killer.join()


def _kill(
    url: str,
    session: psycopg.Connection[Any],
    stop: tuple[str, int] | None,
    ended: threading.Event,
) -> None:
    pid = session.info.backend_pid
    if stop and stop[0] == "kill" and not ended.wait(stop[1] / 1000):
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def course(conn: psycopg.Connection[DictRow]) -> Gradebook:
    """Make a course of three learners, two groups and four assessments."""
    book = Gradebook(conn, levels={"Pass": 50, "Fail": 0}, is_weighted=True, zone="Europe/Berlin")
    late = book.policy(deduction_percent=5)
    for points in (10, 20):
        group = book.group(weight=points)
        for day in (5, 15):
            book.assessment(group, points, late_policy_id=late, due_at=f"2020-01-{day} 12:00Z")
    book.enrol()
    book.enrol()
    return book


@hypothesis.settings(
    max_examples=40, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(st.lists(STEPS, min_size=3, max_size=14))
def test_it_ends_in_the_rows_of_a_full_recomputation(
    lms_database_url: str,
    admin: psycopg.Connection[DictRow],
    steps: list[tuple[str, Any, int]],
) -> None:
    book = course(admin)
    values: dict[str, Any] = {"course": book.course, "institution": book.institution}
    for what, one, other in steps:
        if what == "work":
            work(lms_database_url, one, other)
        else:
            admin.execute(CHOSEN + CHANGES[what], values | {"a": one, "b": other})
    workers = [
        threading.Thread(target=work, args=(lms_database_url, stop, 2))
        for stop in (("kill", 4), None, None)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    work(lms_database_url, None, 1000)
    assert book.value("SELECT count(*) FROM grade_recalculations WHERE queued_at <= now()") == 0
    found = admin.execute(ROWS, values).fetchone()
    with admin.transaction(force_rollback=True):
        for statement in FROM_NOTHING:
            admin.execute(statement, values)
        assert found == admin.execute(ROWS, values).fetchone()
