"""What grades come to: cases worked by hand, each with its arithmetic."""

from decimal import Decimal

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.support.gradebooks import Gradebook

Conn = psycopg.Connection[DictRow]


def test_points_of_all_groups_count_alike(conn: Conn) -> None:
    """(8 + 45 + 18) / (10 + 50 + 20) = 71 / 80 = 88.75 %."""
    book = Gradebook(conn)
    first, second = book.group(), book.group()
    for group, points, score in ((first, 10, 8), (second, 50, 45), (second, 20, 18)):
        book.graded(group, points, score)
    assert book.current() == Decimal("88.75")


def test_weights_of_groups_are_relative_to_those_with_anything_in_them(conn: Conn) -> None:
    """0.4 * 15/20 + 0.6 * 45/50 = 84 %; before the second: 75 %, and final 0.4 * 0.75 = 30 %."""
    book = Gradebook(conn, is_weighted=True)
    first, second = book.group(weight=40), book.group(weight=60)
    book.graded(first, 20, 15)
    exam = book.assessment(second, 50)
    assert book.both() == (Decimal("75.00"), Decimal("30.00"))
    book.grade(exam, 45)
    assert book.current() == Decimal("84.00")
    conn.execute("UPDATE assessment_groups SET weight = 0")  # weights that sum to nothing
    assert book.both() == (None, None)


def test_the_dropped_are_those_that_leave_most(conn: Conn) -> None:
    """Of 80/100, 20/100, 1/20 the second: 81/120. By the lowest percentage it were 100/200 = 50."""
    book = Gradebook(conn)
    group = book.group(drop_lowest=1)
    second = [book.graded(group, p, s) for p, s in ((100, 80), (100, 20), (20, 1))][1]
    row = book.total()
    assert row["current_percentage"] == Decimal("67.50")
    assert row["details"][str(group)] == {
        "percentage": 67.50,
        "possible": 120,
        "dropped": [str(second)],
    }


@pytest.mark.parametrize(("drop", "expected"), [(1, "63.41"), (2, "74.64")])
def test_the_dropped_two_need_not_have_the_dropped_one_among_them(
    conn: Conn, drop: int, expected: str
) -> None:
    """One: 3/38 goes, 156/246. Two: 42/91 and 14/55 go, 103/138."""
    book = Gradebook(conn)
    group = book.group(drop_lowest=drop)
    for points, score in ((100, 100), (91, 42), (55, 14), (38, 3)):
        book.graded(group, points, score)
    assert book.current() == Decimal(expected)


@pytest.mark.parametrize("fourth", [1, 2, 3, 4])
def test_with_both_ends_dropped_a_better_score_never_makes_a_worse_grade(
    conn: Conn, fourth: int
) -> None:
    """Two lowest and the highest of 100/100, 42/91, 14/55, x/38 go: 42/91 is left each time."""
    book = Gradebook(conn)
    group = book.group(drop_lowest=2, drop_highest=1)
    for points, score in ((100, 100), (91, 42), (55, 14), (38, fourth)):
        book.graded(group, points, score)
    assert book.current() == Decimal("46.15")


def test_a_late_retake_does_not_replace_the_better_attempt(conn: Conn) -> None:
    """10 in time; 10 fifty hours late at 1 % an hour: 5. The highest is 10, the latest 5."""
    book = Gradebook(conn)
    group = book.group()
    late = book.policy(deduction_percent=1, per="hour", max_deduction_percent=50)
    for policy, expected in (("highest", "100.00"), ("latest", "75.00")):
        quiz = book.assessment(
            group, 10, score_policy=policy, late_policy_id=late, due_at="2020-01-10 12:00Z"
        )
        book.attempt(quiz, 10, "2020-01-09 12:00Z")
        book.attempt(quiz, 10, "2020-01-12 14:00Z")
        assert book.current() == Decimal(expected)  # then (10 + 5) / 20


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("average", "80.00"), ("first", "100.00"), ("latest", "50.00"), ("highest", "100.00")],
)
def test_which_attempt_counts(conn: Conn, policy: str, expected: str) -> None:
    """Of 10, 9 and 6, the last an hour late, which costs 1: the average is (10 + 9 + 5) / 3 = 8."""
    book = Gradebook(conn)
    late = book.policy(deduction_percent=10)
    quiz = book.assessment(
        book.group(), 10, score_policy=policy, late_policy_id=late, due_at="2020-01-10Z"
    )
    for score, at in ((10, "2020-01-08Z"), (9, "2020-01-09Z"), (6, "2020-01-10 01:00Z")):
        book.attempt(quiz, score, at)
    assert book.current() == Decimal(expected)


def test_a_resubmission_loses_no_grade(conn: Conn) -> None:
    """4/10 counts while the next attempt waits; then its 9/10; voided again, the first."""
    book = Gradebook(conn)
    work = book.assessment(book.group(), 10)
    book.attempt(work, 4)
    second = book.attempt(work, None)
    assert book.both() == (Decimal("40.00"), Decimal("40.00"))
    assert book.value("SELECT status FROM grades") == "partially_graded"
    conn.execute(
        "UPDATE assessment_attempts SET status = 'graded', score = 9 WHERE id = %s", [second]
    )
    assert book.current() == Decimal("90.00")
    conn.execute("UPDATE assessment_attempts SET status = 'voided' WHERE id = %s", [second])
    assert book.current() == Decimal("40.00")
    conn.execute("UPDATE assessment_attempts SET status = 'voided'")
    assert book.both() == (None, Decimal("0.00"))  # as if nothing had been handed in


@pytest.mark.parametrize(("drop", "expected"), [(0, "75.00"), (1, "100.00")])
def test_what_is_excused_counts_nowhere(conn: Conn, drop: int, expected: str) -> None:
    """10/10, excused, 5/10: 15/20; with one to drop, which the excused one is not: 10/10."""
    book = Gradebook(conn)
    group = book.group(drop_lowest=drop)
    book.graded(group, 10, 10)
    book.grade(book.assessment(group, 10), None, is_excused=True)
    book.graded(group, 10, 5)
    assert book.both() == (Decimal(expected), Decimal(expected))


def test_extra_credit(conn: Conn) -> None:
    """An assessment: (45 + 5) / 50. A group of weight 10: 84 + 10 * 0.8 = 92; by points 50/50."""
    book = Gradebook(conn)
    group = book.group()
    book.graded(group, 50, 45)
    book.graded(group, 5, 5, is_extra_credit=True)
    assert book.current() == Decimal("100.00")
    book = Gradebook(conn, is_weighted=True)
    book.graded(book.group(weight=40), 20, 15)
    book.graded(book.group(weight=60), 50, 45)
    book.graded(book.group(weight=10, is_extra_credit=True), 10, 8)
    assert book.current() == Decimal("92.00")
    book = Gradebook(conn)
    book.graded(book.group(), 50, 45)
    book.graded(book.group(is_extra_credit=True), 5, 5)
    assert book.current() == Decimal("100.00")
    book = Gradebook(conn, max_percentage=100)
    book.graded(book.group(), 50, 54, bonus_points=5)
    assert book.current() == Decimal("100.00")  # 54/50 = 108 %, capped


def test_it_is_rounded_once_half_up(conn: Conn) -> None:
    """17999/20000 = 89.995 %: 90.00, an A; in floating point it is 89.99499999999999.

    89994.99/100000 = 89.99499 %: 89.99, a B; rounded to four places first, it would be 90.00.
    23/160 = 14.375 %: 14.38. 1/3 and 2/3 of equal weight: exactly 50 %.
    """
    levels = {"A": 90, "B": 80, "F": 0}
    for points, score, expected, label in (
        (20000, 17999, "90.00", "A"),
        (100000, "89994.99", "89.99", "B"),
        (160, 23, "14.38", "F"),
    ):
        book = Gradebook(conn, levels=levels)
        book.graded(book.group(), points, score)
        row = book.total()
        assert (row["current_percentage"], row["current_label"]) == (Decimal(expected), label)
    book = Gradebook(conn, is_weighted=True, levels={"Pass": 50})
    book.graded(book.group(weight=1), 3, 1)
    third = book.group(weight=1)
    book.graded(third, 3, 2)
    row = book.total()
    assert (row["current_percentage"], row["current_label"]) == (Decimal("50.00"), "Pass")
    conn.execute("UPDATE grades SET override_score = 0")
    assert book.total()["current_label"] is None  # below all levels there is none


def test_the_summary_of_the_enrollment_has_the_final_grade(conn: Conn) -> None:
    book = Gradebook(conn, levels={"Pass": 50, "Fail": 0})
    book.graded(book.group(), 10, 7)
    book.total()
    enrolled = "SELECT grade::text || ' ' || grade_letter FROM enrollments WHERE id = %s"
    assert book.value(enrolled, book.learner) == "70.00 Pass"
    conn.execute("UPDATE course_grades SET override_percentage = 45, override_label = 'Fail'")
    book.total()
    assert book.value(enrolled, book.learner) == "45.00 Fail"
    conn.execute("UPDATE course_grades SET override_percentage = NULL, finalized_at = now()")
    conn.execute("UPDATE grades SET override_score = 10")
    book.total()
    assert book.value("SELECT final_percentage FROM course_grades") == Decimal("70.00")
