"""Rows of assessment and grading that can't be true are refused by the rule that says so.

The rows are data, in ``grading_rows.toml``. They are tried one after the other in one transaction.
"""

import itertools
import tomllib
from pathlib import Path
from string import Template

import psycopg
from psycopg import errors, sql
from psycopg.rows import DictRow
from sqlalchemy import CheckConstraint

from lmsschema.tables import metadata
from tests.support.gradebooks import Gradebook

Conn = psycopg.Connection[DictRow]
Values = dict[str, str]

CASES = tomllib.loads(Path(__file__).with_name("grading_rows.toml").read_text("utf-8"))

NUMBERS = itertools.count(120)


def rows(conn: Conn) -> Values:
    """Make what the rows refer to; return the ids as SQL."""
    book, other = Gradebook(conn, levels={"Pass": 50}), Gradebook(conn, levels={"Pass": 50})
    work, group = book.assessment(None, 100), book.group()
    quiz, asked, published, items = book.quiz()
    draft = book.insert(
        "assessment_versions", assessment_id=work, institution_id=book.institution, version=100
    )
    common = {"institution_id": book.institution, "question_version_id": asked, "points": 1}
    draft_item = book.insert(
        "assessment_items", assessment_version_id=draft, order_index=100, **common
    )
    book.publish(published)
    attempt = book.insert(
        "assessment_attempts",
        enrollment_id=book.learner,
        assessment_id=quiz,
        assessment_version_id=published,
    )
    judged = book.attempt(book.assessment(None, 10), None)
    book.insert("gradings", attempt_id=judged, grader_id=book.teacher)
    conn.execute("UPDATE gradings SET is_final = true")
    book.insert("gradings", attempt_id=judged, grader_id=book.teacher, is_final=False)
    rubric, other_rubric = (
        book.insert("rubrics", institution_id=book.institution, title="R") for _ in range(2)
    )
    criterion, other_criterion = (
        book.insert("rubric_criteria", rubric_id=one, order_index=1, description="", points=5)
        for one in (rubric, other_rubric)
    )
    grading = book.insert(
        "gradings",
        attempt_id=book.attempt(book.assessment(None, 10), None),
        grader_id=book.teacher,
        rubric_id=rubric,
    )
    book.insert("grading_periods", course_id=book.course, name="P", starts_at="2000-01-01Z")
    withdrawn = book.enrol()
    conn.execute(
        "UPDATE enrollments SET enrollment_status = 'withdrawn' WHERE id = %s", [withdrawn]
    )
    scheme = "SELECT grading_scheme_id FROM gradebooks WHERE course_id = %s"
    question = "SELECT question_id FROM question_versions WHERE id = %s"
    course = {"title": "C", "description": "", "subject_area": "s", "difficulty_level": "beginner"}
    made = {
        "institution": book.institution,
        "course": book.course,
        "bare_course": book.insert("courses", institution_id=book.institution, **course),
        "enrollment": book.learner,
        "withdrawn": withdrawn,
        "teacher": book.teacher,
        "scheme": book.value(scheme, book.course),
        "learner_group": book.insert("learner_groups", course_id=book.course, name="G"),
        "assessment": work,
        "closed": book.assessment(group, 1, closes_at="2000-02-01Z"),
        "draft": book.assessment(group, 1, published_at=None),
        "anonymous": book.assessment(group, 1, is_anonymous=True),
        "question": book.value(question, asked),
        "question_version": asked,
        "version": draft,
        "draft_item": draft_item,
        "published": published,
        "item": items[0],
        "other_item": draft_item,
        "attempt": attempt,
        "judged": judged,
        "rubric": rubric,
        "other_rubric": other_rubric,
        "criterion": criterion,
        "other_criterion": other_criterion,
        "grading": grading,
        "other_institution": other.institution,
        "other_course": other.course,
        "other_enrollment": other.learner,
        "other_scheme": other.value(scheme, other.course),
        "other_group": other.group(),
        "other_policy": other.policy(),
        "other_question_version": other.quiz()[1],
    }
    return {name: f"'{one}'" for name, one in made.items()}


def insert(conn: Conn, ids: Values, table: str, values: Values) -> str | None:
    """Insert a row and take it back; return the rule that refuses it."""
    row = CASES["plain"][table] | values
    given = ids | {"n": str(next(NUMBERS))}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.SQL(Template(value).substitute(given)) for value in row.values()),
    )
    try:
        with conn.transaction(force_rollback=True):
            conn.execute(statement)
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except errors.IntegrityError as error:
        return error.diag.constraint_name
    return None


def test_every_check_has_a_row_that_breaks_it() -> None:
    assert set(CASES["plain"]) == set(CASES["refused"])
    checks = {
        str(constraint.name)
        for table in CASES["plain"]
        for constraint in metadata.tables[table].constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert checks - {rule for rules in CASES["refused"].values() for rule in rules} == set()


def test_each_is_refused_by_its_rule_and_what_no_rule_means_is_taken(conn: Conn) -> None:
    ids = rows(conn)
    wrong = [
        (table, rule, by, values)
        for table, rules in CASES["refused"].items()
        for rule, listed in rules.items()
        for values in listed
        if (by := insert(conn, ids, table, values)) != rule
    ]
    wrong += [
        (table, None, by, values)
        for table in CASES["plain"]
        for values in ({}, *CASES["taken"].get(table, []))
        if (by := insert(conn, ids, table, values)) is not None
    ]
    assert wrong == []
