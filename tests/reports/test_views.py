"""The reports: empty and filled, by an index, and without what is graded anonymously."""

import json
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from benchmarks.reports import DAYS, LARGEST, fill, selected
from lmsschema.reports import FILTERS, REPORTS, Report
from lmsschema.testing.databases import Databases
from tests.support.gradebooks import Gradebook
from tests.support.program import Program

EVERY = pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))


@pytest.fixture(scope="module")
def filled(
    lms_template: str, lms_databases: Databases, lmsschema: Program
) -> Iterator[psycopg.Connection]:
    """A database with synthetic data, and grades for every course."""
    name = lms_databases.create(lms_template)
    url = lms_databases.url(name)
    assert lmsschema("demo", "--events", "3000", "--url", url).code == 0
    with psycopg.connect(url, autocommit=True) as conn:
        fill(conn)
        conn.execute(DAYS)
        conn.execute("ANALYZE")
        yield conn
    lms_databases.drop(name)


@pytest.fixture
def conn(lms_database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to an empty database at head."""
    with psycopg.connect(lms_database_url, row_factory=dict_row) as conn:
        yield conn


def texts(conn: psycopg.Connection[DictRow]) -> dict[str, str]:
    """Return all rows of each report as JSON."""
    return {
        name: json.dumps(conn.execute(selected(report)).fetchall(), default=str)
        for name, report in REPORTS.items()
    }


def test_they_run_on_empty_tables(conn: psycopg.Connection[DictRow]) -> None:
    assert set(texts(conn).values()) == {"[]"}


@EVERY
def test_they_have_rows_by_each_option(filled: psycopg.Connection, report: Report) -> None:
    every = filled.execute(selected(report))
    names = [column.name for column in every.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in every]
    assert rows
    for option in report.filters:
        column = FILTERS[option]
        value = rows[0][column]
        chosen = filled.execute(selected(report, option), [value]).fetchall()
        assert len(chosen) == sum(row[column] == value for row in rows)
    assert {option for option, column in FILTERS.items() if column in names} == set(report.filters)


@EVERY
def test_it_uses_the_index_that_it_names(filled: psycopg.Connection, report: Report) -> None:
    option = report.filters[0]
    query = selected(report, option)
    chosen = filled.execute(LARGEST[option]).fetchone()
    with filled.transaction():
        filled.execute("SET LOCAL enable_seqscan = off")  # what is small is read whole otherwise
        plan = filled.execute(psycopg.sql.SQL("EXPLAIN ") + query, chosen).fetchall()
        lines = [line for (line,) in plan]
        if any("Function Scan on at_risk_learners" in line for line in lines):
            filled.execute("DISCARD PLANS")  # that of the function may be an earlier one
            filled.execute(query, chosen)  # EXPLAIN does not show what a function does
            scans = "SELECT pg_stat_get_xact_numscans(%s::regclass)"
            assert filled.execute(scans, [report.index]).fetchone() != (0,)
        else:
            assert any(report.index in line for line in lines), "\n".join(lines)


def test_what_is_graded_anonymously_is_in_none(conn: psycopg.Connection[DictRow]) -> None:
    book = Gradebook(conn)
    group = book.group()
    exam = book.assessment(group, 100, is_anonymous=True, due_at="2020-01-01Z")
    book.attempt(exam, Decimal("66.6667"))
    book.grade(book.assessment(group, 100, is_anonymous=True), Decimal("77.7777"))
    other = book.enrol()
    book.learner, first = other, book.learner
    book.attempt(exam, None)
    book.learner = first
    book.total()
    waits = "SELECT enrollment_id FROM report_grading_queue"
    for text in texts(conn).values():
        assert "66.6" not in text
        assert "77.7" not in text
        assert "72.2" not in text  # their mean
    assert conn.execute(waits).fetchall() == [{"enrollment_id": None}]
    conn.execute("UPDATE assessments SET revealed_at = '2020-01-02Z'")
    conn.execute("UPDATE grades SET posted_at = '2020-01-02Z'")
    book.total()
    found = texts(conn)
    assert "66.6667" in found["gradebook"]
    assert "77.78" in found["assessment-statistics"]
    assert conn.execute(waits).fetchall() == [{"enrollment_id": other}]


def test_a_gradebook_by_hand(conn: psycopg.Connection[DictRow]) -> None:
    """Graded and dropped, excused, missing, due later; the learner who left misses nothing."""
    book = Gradebook(conn, levels={"A": 80, "F": 0})
    group = book.group(drop_lowest=1)
    book.graded(group, 10, 9)
    low = book.graded(group, 10, 1)
    book.grade(book.assessment(group, 10), None, is_excused=True)
    missing = book.assessment(group, 10, due_at="2020-01-01Z")
    book.assessment(group, 10, due_at="2999-01-01Z")
    gone = book.enrol()
    conn.execute("UPDATE enrollments SET enrollment_status = 'withdrawn' WHERE id = %s", [gone])
    conn.execute("UPDATE grades SET posted_at = '2020-01-01Z' WHERE override_score IS NOT NULL")
    book.total()
    rows = conn.execute(
        "SELECT assessment_id, status, percentage, is_missing, is_dropped FROM report_gradebook"
        " WHERE enrollment_id = %s",
        [book.learner],
    ).fetchall()
    assert sorted(
        (r["status"], r["percentage"], r["is_missing"]) for r in rows if r["percentage"]
    ) == [
        ("graded", Decimal("10.00"), False),
        ("graded", Decimal("90.00"), False),
    ]
    assert sorted(r["status"] for r in rows if not r["percentage"]) == [
        "excused",
        "not_submitted",
        "not_submitted",
    ]
    assert [r["assessment_id"] for r in rows if r["is_missing"]] == [missing]
    assert [r["assessment_id"] for r in rows if r["is_dropped"]] in ([low], [missing])
    owed = conn.execute("SELECT assessment_id, user_id FROM report_missing_work").fetchall()
    assert len(owed) == 1
    grades = conn.execute(
        "SELECT current_percentage, label, is_passing FROM report_course_grades"
        " WHERE enrollment_id = %s",
        [book.learner],
    ).fetchall()
    assert [(r["current_percentage"], r["is_passing"]) for r in grades] == [
        (Decimal("90.00"), True)
    ]


def test_a_question_with_a_wrong_key_is_seen(conn: psycopg.Connection[DictRow]) -> None:
    """Five questions, 15 learners: those who have the others right have the last one wrong."""
    book = Gradebook(conn)
    quiz = book.assessment(book.group(), 5)
    version = book.insert(
        "assessment_versions", assessment_id=quiz, institution_id=book.institution, version=1
    )
    items = []
    for number in range(5):
        question = book.insert("questions", institution_id=book.institution, name="Q")
        form = book.insert(
            "question_versions",
            question_id=question,
            institution_id=book.institution,
            version=1,
            question_type="choice",
            body="{}",
        )
        items.append(
            book.insert(
                "assessment_items",
                assessment_version_id=version,
                institution_id=book.institution,
                question_version_id=form,
                order_index=number,
                points=1,
            )
        )
    conn.execute("UPDATE assessment_versions SET published_at = now()")
    for learner in range(15):
        book.learner = book.enrol()
        attempt = book.insert(
            "assessment_attempts",
            enrollment_id=book.learner,
            assessment_id=quiz,
            assessment_version_id=version,
        )
        right = [*(learner % 5 >= number for number in range(4)), learner % 5 < 2]
        for item, is_right in zip(items, right, strict=True):
            book.insert(
                "item_responses",
                attempt_id=attempt,
                assessment_version_id=version,
                assessment_item_id=item,
                response="1" if is_right else None,
                score=int(is_right),
            )
        conn.execute(
            "UPDATE assessment_attempts SET status = 'graded', submitted_at = started_at,"
            " score = %s WHERE id = %s",
            [sum(right), attempt],
        )
    rows = {
        row["assessment_item_id"]: row
        for row in conn.execute("SELECT * FROM report_item_analysis").fetchall()
    }
    facility = [rows[item]["facility"] for item in items]
    assert facility == [Decimal(n) / 5 for n in (5, 4, 3, 2, 2)]
    assert rows[items[0]]["discrimination"] is None  # all have it right
    assert rows[items[1]]["discrimination"] > 0
    assert rows[items[4]]["discrimination"] < Decimal("-0.8")
    assert rows[items[4]]["upper_minus_lower"] == -1
    assert rows[items[4]]["omitted"] == Decimal("0.6")
