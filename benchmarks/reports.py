"""What the reports cost: each with the first of its options, for the largest course or institution.

Usage, in a checkout that is installed --editable:
    lmsschema demo --events 1000000 --url URL
    python -m benchmarks.reports --url URL

Adds gradebooks with ten assessments a course, grades, and a quiz of ten questions, to a database
that has none; and days of learners, if no rollup has computed them. Prints each report's
milliseconds, the best of three, and rows; and the milliseconds for all rows.
"""

import argparse
import time
from typing import LiteralString

import psycopg
from psycopg import sql

from lmsschema.reports import FILTERS, REPORTS, Report

#: Rows of section 9 for every course and enrollment; the numbers are the same each time.
FILL: LiteralString = """
    INSERT INTO grading_schemes (institution_id, name)
    SELECT id, 'A'
    FROM institutions;
    INSERT INTO grading_scheme_levels (grading_scheme_id, label, min_percentage, is_passing)
    SELECT s.id, x.label, x.low, x.label <> 'F'
    FROM grading_schemes AS s
    CROSS JOIN (VALUES ('A', 80), ('B', 50), ('F', 0)) AS x (label, low);
    INSERT INTO gradebooks (course_id, institution_id, grading_scheme_id)
    SELECT c.id, c.institution_id, s.id
    FROM courses AS c
    INNER JOIN grading_schemes AS s ON c.institution_id = s.institution_id;
    INSERT INTO assessment_groups (course_id, name, order_index)
    SELECT id, 'Work', 1
    FROM courses;
    INSERT INTO assessments (course_id, institution_id, assessment_group_id, title, kind,
        order_index, due_at, published_at, points_possible)
    SELECT c.id, c.institution_id, g.id, 'Sheet ' || n,
        CASE n WHEN 1 THEN 'quiz' ELSE 'assignment' END::assessment_kind,
        n, now() - (11 - n) * interval '1 week', '2000-01-01Z', 10
    FROM courses AS c
    INNER JOIN assessment_groups AS g ON c.id = g.course_id
    CROSS JOIN generate_series(1, 10) AS n;
    INSERT INTO questions (institution_id, name)
    SELECT i.id, 'Q' || n
    FROM institutions AS i
    CROSS JOIN generate_series(1, 10) AS n;
    INSERT INTO question_versions (question_id, institution_id, version, question_type, body)
    SELECT id, institution_id, 1, 'choice', '{}'
    FROM questions;
    INSERT INTO assessment_versions (assessment_id, institution_id, version)
    SELECT id, institution_id, 1
    FROM assessments
    WHERE kind = 'quiz';
    INSERT INTO assessment_items (assessment_version_id, institution_id, question_version_id,
        order_index, points)
    SELECT v.id, v.institution_id, q.id,
        row_number() OVER (PARTITION BY v.id ORDER BY q.id), 1
    FROM assessment_versions AS v
    INNER JOIN question_versions AS q ON v.institution_id = q.institution_id;
    UPDATE assessment_versions SET published_at = now();
    INSERT INTO assessment_attempts (enrollment_id, assessment_id, assessment_version_id,
        started_at)
    SELECT e.id, a.id, v.id, now() - interval '1 day'
    FROM enrollments AS e
    INNER JOIN assessments AS a ON e.course_id = a.course_id AND a.order_index < 3
    LEFT JOIN assessment_versions AS v ON a.id = v.assessment_id
    WHERE e.enrollment_status = 'active';
    INSERT INTO item_responses (attempt_id, assessment_version_id, assessment_item_id, response,
        score)
    SELECT t.id, i.assessment_version_id, i.id, '1',
        abs(hashtext(concat(t.id, i.id))) % 2
    FROM assessment_attempts AS t
    INNER JOIN assessment_items AS i
        ON t.assessment_version_id = i.assessment_version_id;
    UPDATE assessment_attempts AS t SET status = 'graded', submitted_at = now(), graded_at = now(),
        score = abs(hashtext(t.id::text)) % 11
    WHERE t.assessment_version_id IS NOT NULL;
    UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()
    WHERE assessment_version_id IS NULL;
    INSERT INTO grades (enrollment_id, assessment_id, override_score, posted_at)
    SELECT e.id, a.id, abs(hashtext(concat(e.id, a.id))) % 11, now()
    FROM enrollments AS e
    INNER JOIN assessments AS a
        ON e.course_id = a.course_id AND a.order_index BETWEEN 3 AND 9;
"""

#: What the rollup of events would make, near enough.
DAYS: LiteralString = """
    INSERT INTO learner_course_daily
    SELECT
        e.course_id, e.user_id, (e.event_timestamp AT TIME ZONE 'UTC')::date, count(*), count(*),
        least(60 * count(*), 80000), 0,
        array_fill(NULL::integer, ARRAY[8]) || array_fill(1, ARRAY[12])
        || array_fill(NULL::integer, ARRAY[4]), min(e.event_timestamp), max(e.event_timestamp)
    FROM learning_events AS e
    WHERE e.course_id IS NOT NULL AND e.user_id IS NOT NULL
    GROUP BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""

#: Who has most rows, by option of the command.
LARGEST: dict[str, LiteralString] = {
    "course": "SELECT course_id FROM enrollments GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "institution": (
        "SELECT institution_id FROM courses GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ),
}


def fill(conn: psycopg.Connection) -> None:
    """Add the rows of section 9, and compute grades."""
    conn.execute(FILL)
    while conn.execute("SELECT recalculate_grades()").fetchone() != (0,):
        pass


def selected(report: Report, option: str | None = None) -> sql.Composed:
    """Return the query of a report: with one of its options, the value a parameter, or of all."""
    text = sql.SQL("SELECT * FROM {}").format(sql.Identifier(report.view))
    if option is None:
        return text
    return text + sql.SQL(" WHERE {} = %s").format(sql.Identifier(FILTERS[option]))


def milliseconds(
    conn: psycopg.Connection, query: sql.Composed, *values: object
) -> tuple[float, int]:
    """Return the best of three, and how many rows there are."""
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        rows = len(conn.execute(query, values).fetchall())
        found.append((1000 * (time.perf_counter() - begun), rows))
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    with psycopg.connect(parser.parse_args().url, autocommit=True) as conn:
        if conn.execute("SELECT FROM assessments LIMIT 1").fetchone() is None:
            fill(conn)
        if conn.execute("SELECT FROM learner_course_daily LIMIT 1").fetchone() is None:
            conn.execute(DAYS)
        conn.execute("VACUUM ANALYZE")
        largest = {
            option: (conn.execute(query).fetchone() or (None,))[0]
            for option, query in LARGEST.items()
        }
        for report in REPORTS.values():
            option = report.filters[0]
            cost, rows = milliseconds(conn, selected(report, option), largest[option])
            whole, every = milliseconds(conn, selected(report))
            print(
                f"{report.name:22} --{option:12} {cost:8.1f} ms {rows:7} rows"
                f"   all {whole:9.1f} ms {every:8} rows"
            )


if __name__ == "__main__":
    main()
