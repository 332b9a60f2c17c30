"""What ``lmsschema demo`` makes: the same rows on every server, and rows that agree."""

import itertools
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from benchmarks import statements as measured
from lmsschema import workload
from tests.support import demos
from tests.support.program import Program

#: What must have no row: what is derived, beside what it is derived from.
CONTRADICTIONS = {
    "sessions and their events": """
        SELECT FROM learning_sessions AS s
        FULL JOIN (
            SELECT session_id, user_id, course_id, min(event_timestamp) AS begun,
                max(event_timestamp) AS ended, count(*) AS interactions,
                count(DISTINCT lesson_id) AS lessons,
                count(DISTINCT section_id) FILTER (WHERE event_type = 'section_completed') AS done
            FROM learning_events GROUP BY session_id, user_id, course_id
        ) AS e ON e.session_id = s.id
        WHERE (s.user_id, s.course_id, s.session_start, s.session_end, s.interactions_count,
                s.lessons_accessed, s.sections_completed)
            IS DISTINCT FROM (e.user_id, e.course_id, e.begun, e.ended, e.interactions,
                e.lessons, e.done)""",
    "sections and their events": """
        SELECT FROM section_progress AS p
        INNER JOIN enrollments AS n ON n.id = p.enrollment_id
        FULL JOIN (
            SELECT user_id, course_id, section_id, min(event_timestamp) AS begun,
                max(event_timestamp) AS latest, count(*) AS interactions,
                count(DISTINCT session_id) AS visits,
                min(event_timestamp) FILTER (WHERE event_type = 'section_completed') AS done
            FROM learning_events GROUP BY user_id, course_id, section_id
        ) AS e ON (e.user_id, e.course_id, e.section_id) = (p.user_id, n.course_id, p.section_id)
        WHERE (p.started_at, p.last_accessed_at, p.interaction_count, p.revisit_count,
                p.completed_at)
            IS DISTINCT FROM (e.begun, e.latest, e.interactions, e.visits - 1, e.done)""",
    "the last session in a section": """
        SELECT FROM section_progress AS p
        INNER JOIN learning_sessions AS s ON s.id = p.learning_session_id
        WHERE p.last_accessed_at NOT BETWEEN s.session_start AND s.session_end
            OR s.user_id <> p.user_id""",
    "lessons and their sections": """
        SELECT FROM lesson_progress AS p
        FULL JOIN (
            SELECT p.enrollment_id, s.lesson_id, count(p.completed_at) AS done,
                sum(p.time_spent) AS seconds, max(p.last_accessed_at) AS latest
            FROM section_progress AS p INNER JOIN sections AS s ON s.id = p.section_id
            GROUP BY p.enrollment_id, s.lesson_id
        ) AS s USING (enrollment_id, lesson_id)
        WHERE (p.sections_completed, p.total_time_spent, p.last_accessed_at,
                p.completion_percentage, p.completed_at IS NOT NULL)
            IS DISTINCT FROM (s.done, s.seconds, s.latest, round(s.done * 12.5, 2), s.done = 8)""",
    "enrollments and their lessons": """
        SELECT FROM enrollments AS n
        LEFT JOIN (
            SELECT enrollment_id, sum(sections_completed) AS sections,
                count(completed_at) AS lessons, sum(total_time_spent) / 60 AS minutes,
                max(last_accessed_at) AS latest
            FROM lesson_progress GROUP BY enrollment_id
        ) AS l ON l.enrollment_id = n.id
        WHERE (n.sections_completed, n.lessons_completed, n.total_time_spent,
                n.progress_percentage, n.last_accessed_at)
            IS DISTINCT FROM (coalesce(l.sections, 0), coalesce(l.lessons, 0),
                coalesce(l.minutes, 0), round(coalesce(l.sections, 0) * 1.25, 2), l.latest)""",
    "courses and their totals": """
        SELECT FROM courses AS c
        WHERE (SELECT count(*) FROM lessons AS l INNER JOIN sections AS s ON s.lesson_id = l.id
                WHERE l.course_id = c.id)
            <> ALL (SELECT total_sections FROM enrollments AS n WHERE n.course_id = c.id)""",
    "learners and their events": """
        SELECT FROM users AS u
        LEFT JOIN (
            SELECT user_id, max(event_timestamp) AS latest FROM learning_events GROUP BY user_id
        ) AS e ON e.user_id = u.id
        LEFT JOIN learner_analytics AS a ON a.user_id = u.id
        WHERE u.last_active_at IS DISTINCT FROM e.latest
            OR a.last_activity_at IS DISTINCT FROM e.latest
            OR (a.id IS NULL) <> (u.role IN ('instructor', 'admin'))""",
    "analytics and enrollments": """
        SELECT FROM course_analytics AS a
        FULL JOIN (
            SELECT course_id, count(*) AS learners,
                count(*) FILTER (WHERE enrollment_status = 'completed') AS completed,
                round(avg(progress_percentage), 2) AS progress
            FROM enrollments GROUP BY course_id
        ) AS n USING (course_id)
        WHERE (a.total_enrollments, a.completed_learners, a.average_completion_rate)
            IS DISTINCT FROM (n.learners, n.completed, n.progress)""",
    "events outside of their enrollment's course, or of what was asked for": """
        SELECT FROM learning_events AS e
        LEFT JOIN sections AS s ON s.id = e.section_id
        LEFT JOIN lessons AS l ON l.id = s.lesson_id
        LEFT JOIN enrollments AS n ON (n.user_id, n.course_id) = (e.user_id, e.course_id)
        WHERE (l.id, l.course_id) IS DISTINCT FROM (e.lesson_id, e.course_id)
            OR n.id IS NULL OR e.event_timestamp < n.enrolled_at
            OR e.event_timestamp >= '2026-11-26 00:00+00'""",
    "rows of the default partition": "SELECT FROM learning_events_default",
}

#: The least part of the events that the busiest fifth of something has.
SKEW = {"course_id": 0.35, "user_id": 0.4}


#: Statements about what the data does not have: a course under review has no learners.
RARE = {"review_queue"}


@pytest.fixture(scope="module")
def made(lmsschema: Program, module_url: str) -> str:
    """The URL of a database with the data."""
    outcome = lmsschema(*demos.ASKED, "--workers", "1", "--url", module_url, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["rows"]["learning_events"] == 6000
    return module_url


def test_the_rows_are_the_same_everywhere(made: str) -> None:
    """On every version, and by four workers too (test_interrupted_demo)."""
    assert demos.digest(made) == demos.DIGEST


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_all_agrees(made: str, what: str) -> None:
    with psycopg.connect(made) as conn:
        query = sql.SQL("SELECT count(*) FROM ({}) AS found").format(sql.SQL(CONTRADICTIONS[what]))
        assert conn.execute(query).fetchone() == (0,)


def test_nothing_is_found(made: str, lmsschema: Program) -> None:
    assert lmsschema("check", "--url", made).code == 0
    report = lmsschema("doctor", "--url", made, "--json").json
    assert report["healthy"]
    assert not [one for one in report["findings"] if one["topic"].endswith("-rows")]


def test_events_lie_in_the_order_of_their_arrival(made: str) -> None:
    with psycopg.connect(made) as conn:
        found = conn.execute(
            "SELECT s.correlation FROM pg_stats AS s"
            " INNER JOIN pg_class AS c ON c.relname = s.tablename AND c.reltuples > 100"
            " WHERE s.tablename LIKE 'learning_events_20%' AND s.attname = 'event_timestamp'"
        ).fetchall()
    assert len(found) > 3
    assert min(correlation for (correlation,) in found) > 0.95


@pytest.mark.parametrize("column", SKEW)
def test_few_have_most(made: str, column: str) -> None:
    with psycopg.connect(made) as conn:
        query = sql.SQL("SELECT count(*) FROM learning_events GROUP BY {} ORDER BY 1 DESC")
        counts = [count for (count,) in conn.execute(query.format(sql.Identifier(column)))]
    assert sum(counts[: len(counts) // 5]) > SKEW[column] * sum(counts)


def test_days_and_hours_have_their_rhythm(made: str) -> None:
    with psycopg.connect(made) as conn:
        weekend, night, summer = conn.execute(
            """
            SELECT avg((extract(isodow FROM local) = 6)::int),
                avg((extract(hour FROM local) < 6)::int),
                avg((extract(month FROM local) BETWEEN 6 AND 7)::int)
            FROM (
                SELECT event_timestamp + interval '1 hour' * CASE i.timezone
                    WHEN 'America/New_York' THEN -5 WHEN 'Asia/Karachi' THEN 5 ELSE 1 END AS local
                FROM learning_events AS e
                INNER JOIN users AS u ON u.id = e.user_id
                INNER JOIN institutions AS i ON i.id = u.institution_id
            ) AS e
            """
        ).fetchone() or (1, 1, 1)
    assert weekend < 0.12
    assert night < 0.08
    assert summer < 0.25


def test_a_second_run_finds_it_there(made: str, lmsschema: Program) -> None:
    outcome = lmsschema(*demos.ASKED, "--url", made, "--json")
    assert (outcome.code, outcome.json["complete"], outcome.json["rows"]) == (0, True, {})
    assert demos.digest(made) == demos.DIGEST


def test_the_statements_of_an_lms_meet_rows(made: str) -> None:
    """With the parameters that benchmarks/workload.py draws."""
    with measured.connected(made) as conn:
        end = datetime(2026, 11, 26, tzinfo=UTC)
        rows = measured.busy(conn, end)
        for statement in workload.statements().values():
            found = 0
            tries = 1 if statement.kind == "delete" else 20
            for given in itertools.islice(measured.parameters(statement, rows, end), tries):
                with conn.transaction(force_rollback=True):
                    found += conn.execute(statement.text.encode(), given).rowcount
            assert found or statement.name in RARE, statement.name


def test_another_seed_is_added_where_that_is_told(made: str, lmsschema: Program) -> None:
    """Last of all: it is the data of two."""
    other = ("demo", "--events", "50", "--seed", "8", "--url", made)
    refused = lmsschema(*other)
    assert refused.code == 6
    assert "--seed 7 --until 2026-11-26 --institutions 2" in refused.err
    assert lmsschema(*other, "--allow-users").code == 0
    same_seed = lmsschema("demo", "--events", "50", "--seed", "7", "--url", made, "--allow-users")
    assert same_seed.code == 6
    with psycopg.connect(made) as conn:
        assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (6050,)
