"""What the database holds of assessment and grading beyond single rows."""

from decimal import Decimal

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import DictRow

from tests.support.gradebooks import Gradebook

Conn = psycopg.Connection[DictRow]


def refused(conn: Conn, statement: str, *values: object) -> str:
    """Run a statement that is refused; return by which rule."""
    try:
        with conn.transaction():
            conn.execute(statement.encode(), values)
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except errors.IntegrityError as error:
        return str(error.diag.constraint_name)
    pytest.fail(f"{statement} is taken")


def test_a_score_stays_within_the_maximum_when_that_changes(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.assessment(book.group(), 10, bonus_points=2)
    book.attempt(work, 12)
    book.grade(work, 12)
    lower = "UPDATE assessments SET bonus_points = 0 WHERE id = %s"
    assert refused(conn, lower, work).endswith("_score_within_max_check")
    conn.execute("UPDATE assessments SET points_possible = 20 WHERE id = %s", [work])
    assert book.value("SELECT max_score FROM grades") == 22
    assert book.value("SELECT max_score FROM assessment_attempts") == 22


def test_attempts_are_numbered_without_gaps_and_as_many_as_allowed(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.assessment(book.group(), 10, attempts_allowed=2, closes_at="2020-01-10Z")
    start = (
        "INSERT INTO assessment_attempts (enrollment_id, assessment_id, started_at)"
        " VALUES (%s, %s, %s) RETURNING attempt_number"
    )
    book.attempt(work, 5)
    book.attempt(work, 6)
    assert refused(conn, start, book.learner, work, "2020-01-02Z") == "prepare_attempt"
    book.insert(
        "assessment_overrides",
        assessment_id=work,
        course_id=book.course,
        enrollment_id=book.learner,
        attempts_allowed=5,
    )
    assert refused(conn, start, book.learner, work, "2020-01-10Z") == "prepare_attempt"
    assert book.value(start.encode(), book.learner, work, "2020-01-02Z") == 3
    assert refused(conn, start, book.learner, work, "2020-01-02Z") == (
        "idx_assessment_attempts_in_progress"
    )
    delete = "DELETE FROM assessment_attempts WHERE attempt_number = 2"
    assert refused(conn, delete) == "assessment_attempts_previous_number_fkey"
    other = Gradebook(conn)
    with pytest.raises(errors.ForeignKeyViolation, match="not one of the course"):
        conn.execute(start.encode(), [other.learner, work, "2020-01-02Z"])


def test_a_learner_who_withdraws_keeps_grades_and_begins_no_attempt(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.assessment(book.group(), 10)
    begun = book.insert("assessment_attempts", enrollment_id=book.learner, assessment_id=work)
    conn.execute("UPDATE enrollments SET enrollment_status = 'withdrawn'")
    conn.execute(
        "UPDATE assessment_attempts SET status = 'graded', score = 7, submitted_at = now()"
        " WHERE id = %s",
        [begun],
    )
    assert book.current() == Decimal("70.00")
    start = "INSERT INTO assessment_attempts (enrollment_id, assessment_id) VALUES (%s, %s)"
    assert refused(conn, start, book.learner, work) == "prepare_attempt"


def test_a_question_that_was_asked_does_not_change(conn: Conn) -> None:
    book = Gradebook(conn)
    quiz, asked, version, items = book.quiz()
    start = {"enrollment_id": book.learner, "assessment_id": quiz, "assessment_version_id": version}
    conn.execute("UPDATE assessment_items SET points = 1 WHERE id = %s", [items[0]])
    book.publish(version)
    for statement, one, rule in (
        ("UPDATE question_versions SET answer_key = '{}' WHERE id = %s", asked, "refuse_change"),
        (
            "UPDATE assessment_versions SET published_at = NULL WHERE id = %s",
            version,
            "refuse_change",
        ),
        ("UPDATE assessment_items SET points = 5 WHERE id = %s", items[0], "guard_item"),
        ("DELETE FROM assessment_items WHERE id = %s", items[0], "guard_item"),
        (
            "DELETE FROM question_versions WHERE id = %s",
            asked,
            "assessment_items_question_version_id_institution_id_fkey",
        ),
    ):
        assert refused(conn, statement, one) == rule
    attempt = book.insert("assessment_attempts", **start)
    answer = book.insert(
        "item_responses",
        attempt_id=attempt,
        assessment_version_id=version,
        assessment_item_id=items[0],
        response="1",
    )
    hand_in = "UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()"
    conn.execute(hand_in)
    late = "UPDATE item_responses SET response = '2' WHERE id = %s"
    assert refused(conn, late, answer) == "guard_response"
    conn.execute("UPDATE item_responses SET score = 1 WHERE id = %s", [answer])


def test_a_regrade_gives_everybody_the_points_and_leaves_the_answers(conn: Conn) -> None:
    """Of two items one is wrong: 1/2; it had a wrong key, so that all get its point: 2/2."""
    book = Gradebook(conn)
    quiz, _, version, items = book.quiz()
    book.publish(version)
    attempt = book.insert(
        "assessment_attempts",
        enrollment_id=book.learner,
        assessment_id=quiz,
        assessment_version_id=version,
    )
    for item, score in zip(items, (0, 1), strict=True):
        book.insert(
            "item_responses",
            attempt_id=attempt,
            assessment_version_id=version,
            assessment_item_id=item,
            response="1",
            score=score,
        )
    conn.execute("UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()")
    rescore = "SELECT score_attempts(%s)"
    assert book.value(rescore, [attempt]) == 1
    assert book.current() == Decimal("50.00")
    conn.execute(
        """UPDATE assessment_items SET regrade = '{"full_credit": true}' WHERE id = %s""",
        [items[0]],
    )
    assert book.value(rescore, [attempt]) == 1
    assert book.value(rescore, [attempt]) == 0
    assert book.current() == Decimal("100.00")
    assert book.value("SELECT array_agg(score ORDER BY score) FROM item_responses") == [0, 1]
    assert conn.execute(
        "SELECT source, old_score, new_score FROM grade_changes WHERE kind = 'changed'"
    ).fetchall() == [{"source": "recalculation", "old_score": 1, "new_score": 2}]


def test_a_final_judgement_becomes_the_attempts_score(conn: Conn) -> None:
    book = Gradebook(conn)
    attempt = book.attempt(book.assessment(book.group(), 10), None)
    others = {"attempt_id": attempt, "is_final": False}
    book.insert("gradings", grader_id=book.user(), score=3, **others)
    book.insert("gradings", grader_id=book.user(), score=9, **others)
    assert book.value("SELECT status FROM assessment_attempts") == "submitted"
    final = book.insert("gradings", attempt_id=attempt, grader_id=book.teacher, score=6)
    assert book.current() == Decimal("60.00")
    conn.execute("UPDATE gradings SET score = 8 WHERE id = %s AND version = 1", [final])
    assert book.current() == Decimal("80.00")
    again = conn.execute("UPDATE gradings SET score = 1 WHERE id = %s AND version = 1", [final])
    assert again.rowcount == 0  # it has changed since it was read
    too_much = "UPDATE gradings SET score = 11 WHERE id = %s"
    assert refused(conn, too_much, final) == "assessment_attempts_score_within_max_check"


def test_who_changed_what_and_why_is_kept(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.graded(book.group(), 10, 5, posts_automatically=False)
    conn.execute("SELECT set_config('lmsschema.actor', %s, true)", [str(book.teacher)])
    conn.execute("SELECT set_config('lmsschema.reason', 'appeal', true)")
    conn.execute("UPDATE grades SET override_score = 9, feedback = 'personal'")
    conn.execute("UPDATE grades SET feedback = feedback")  # nothing changes
    [change] = conn.execute("SELECT * FROM grade_changes WHERE kind = 'changed'").fetchall()
    assert {name: change[name] for name in ("actor_id", "reason", "old_score", "new_score")} == {
        "actor_id": book.teacher,
        "reason": "appeal",
        "old_score": 5,
        "new_score": 9,
    }
    assert change["changed"] == {"override_score": [5, 9], "feedback": True}
    book.total()
    conn.execute("UPDATE course_grades SET override_percentage = 80, finalized_at = now()")
    [change] = conn.execute(
        "SELECT * FROM grade_changes WHERE assessment_id IS NULL AND kind = 'changed'"
    ).fetchall()
    assert (change["new_score"], list(change["changed"])) == (80, ["finalized_at"])
    for statement in ("UPDATE grade_changes SET reason = 'x'", "DELETE FROM grade_changes"):
        assert refused(conn, statement) == "refuse_change"
    conn.execute("DELETE FROM courses WHERE id = %s", [book.course])
    assert book.value(
        "SELECT count(*) FROM grade_changes WHERE kind = 'deleted' AND assessment_id = %s", work
    )


def test_whatever_is_deleted_takes_its_own_along(conn: Conn) -> None:
    book = Gradebook(conn)
    quiz, _, version, items = book.quiz()
    book.publish(version)
    attempt = book.insert(
        "assessment_attempts",
        enrollment_id=book.learner,
        assessment_id=quiz,
        assessment_version_id=version,
    )
    book.insert(
        "item_responses",
        attempt_id=attempt,
        assessment_version_id=version,
        assessment_item_id=items[0],
    )
    conn.execute(
        "UPDATE assessment_attempts SET status = 'graded', submitted_at = now(), score = 1"
    )
    rubric = book.insert("rubrics", institution_id=book.institution, title="R")
    criterion = book.insert(
        "rubric_criteria", rubric_id=rubric, order_index=1, description="", points=5
    )
    grading = book.insert(
        "gradings", attempt_id=attempt, grader_id=book.teacher, rubric_id=rubric, score=2
    )
    book.insert(
        "rubric_ratings",
        grading_id=grading,
        rubric_id=rubric,
        rubric_criterion_id=criterion,
        points=2,
    )
    book.total()
    for used in ("rubrics", "rubric_criteria", "question_versions", "assessment_groups"):
        assert refused(conn, f"DELETE FROM {used}").endswith("_fkey")  # noqa: S608  a constant
    user = "SELECT user_id FROM enrollments WHERE id = %s"
    for table, one in (
        ("users", book.value(user, book.learner)),
        ("users", book.teacher),
        ("courses", book.course),
        ("institutions", book.institution),
    ):
        with conn.transaction(force_rollback=True):
            conn.execute(f"DELETE FROM {table} WHERE id = %s".encode(), [one])  # noqa: S608  as above
            conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
