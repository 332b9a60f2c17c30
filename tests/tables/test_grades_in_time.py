"""Grades and time: late work, exceptions, periods; what is missing, waits, is hidden."""

from decimal import Decimal

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.support.gradebooks import Gradebook

Conn = psycopg.Connection[DictRow]

#: Due, handed in → days late by the clock of New York, where it was summer time until 5 November
#: 2017 and from 11 March 2018 on.
DAYS = {
    ("2017-11-04 20:00 America/New_York", "2017-11-04 20:00 America/New_York"): 0,
    ("2017-11-04 20:00 America/New_York", "2017-11-04 20:00:01 America/New_York"): 1,
    # 25 hours
    ("2017-11-04 20:00 America/New_York", "2017-11-05 20:00 America/New_York"): 1,
    ("2017-11-04 20:00 America/New_York", "2017-11-05 20:00:01 America/New_York"): 2,
    # 23 hours
    ("2018-03-10 20:00 America/New_York", "2018-03-11 20:00 America/New_York"): 1,
    ("2018-03-10 20:00 America/New_York", "2018-03-11 20:30 America/New_York"): 2,
    # the hour that comes twice: due at the first 01:45, handed in at the second 01:30
    ("2017-11-05 05:45Z", "2017-11-05 06:30Z"): 1,
    (None, "2018-03-10Z"): 0,
}


def test_a_day_late_is_one_of_the_institutions_calendar(conn: Conn) -> None:
    for (due, at), days in DAYS.items():
        row = conn.execute(
            "SELECT late_units(%s::timestamptz, %s::timestamptz, 'day', %s, 0) AS n",
            [due, at, "America/New_York"],
        ).fetchone()
        assert row == {"n": days}, (due, at)
    grace = "SELECT late_units('2017-11-04 23:59Z', %s::timestamptz, %s, 'UTC', 1) AS n"
    for at, per, late in (
        ("2017-11-05Z", "day", 0),
        ("2017-11-05 00:00:01Z", "day", 1),
        ("2017-11-05 01:00Z", "hour", 2),
    ):
        assert conn.execute(grace, [at, per]).fetchone() == {"n": late}, at


def test_the_clock_of_the_institution_decides_and_a_zone_that_is_none_is_utc(conn: Conn) -> None:
    """Due 4 November 20:00 in New York, 24 hours and a half later: a day there, two days by UTC."""
    for zone, expected in (("America/New_York", "90.00"), ("UTC", "80.00"), ("Nowhere", "80.00")):
        book = Gradebook(conn, zone=zone)
        work = book.assessment(
            book.group(),
            10,
            late_policy_id=book.policy(deduction_percent=10),
            due_at="2017-11-04 20:00 America/New_York",
        )
        book.attempt(work, 10, "2017-11-05 00:30Z")
        book.conn.execute(
            "UPDATE assessment_attempts SET submitted_at = '2017-11-06 00:30Z'"
            " WHERE assessment_id = %s",
            [work],
        )
        assert book.current() == Decimal(expected), zone


def test_without_a_policy_nothing_is_taken_off(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.assessment(book.group(), 10, due_at="2020-01-01Z")
    book.attempt(work, 9, "2020-02-01Z")
    assert book.current() == Decimal("90.00")


def test_exceptions(conn: Conn) -> None:
    book = Gradebook(conn)
    work = book.assessment(
        book.group(), 10, late_policy_id=book.policy(deduction_percent=10), due_at="2020-01-10Z"
    )
    section = book.insert("learner_groups", course_id=book.course, name="S")
    book.insert(
        "learner_group_members",
        learner_group_id=section,
        enrollment_id=book.learner,
        course_id=book.course,
    )

    def due() -> str:
        return str(
            book.value(
                "SELECT (due_at AT TIME ZONE 'UTC')::text FROM effective_assessments(%s)"
                " WHERE enrollment_id = %s",
                book.course,
                book.learner,
            )
        )

    given = {"assessment_id": work, "course_id": book.course}
    exception = book.insert(
        "assessment_overrides", learner_group_id=section, due_at="2020-01-12Z", **given
    )
    assert due() == "2020-01-12 00:00:00"
    book.attempt(work, 10, "2020-01-11Z")
    assert book.current() == Decimal("100.00")
    # everybody's date moves past the exception, which does not shorten it
    conn.execute("UPDATE assessments SET due_at = '2020-01-20Z' WHERE id = %s", [work])
    assert due() == "2020-01-20 00:00:00"
    conn.execute("UPDATE assessment_overrides SET may_shorten = true WHERE id = %s", [exception])
    assert due() == "2020-01-12 00:00:00"
    # the learner's own precedes
    book.insert(
        "assessment_overrides",
        enrollment_id=book.learner,
        due_at="2020-01-10 12:00Z",
        may_shorten=True,
        **given,
    )
    assert due() == "2020-01-10 12:00:00"
    assert book.current() == Decimal("90.00")  # half a day late


def test_what_is_missing_and_what_waits(conn: Conn) -> None:
    """Handed in and not graded: in neither. Missing: 0 in the final one, or as its policy says."""
    book = Gradebook(conn)
    group = book.group()
    book.graded(group, 10, 10)
    book.attempt(book.assessment(group, 10), None)
    assert book.both() == (Decimal("100.00"), Decimal("100.00"))
    book.assessment(group, 10)
    assert book.both() == (Decimal("100.00"), Decimal("50.00"))
    nothing = book.policy(missing_percent=0)
    book.assessment(group, 20, late_policy_id=nothing, due_at="2020-01-01Z")
    assert book.both() == (Decimal("33.33"), Decimal("25.00"))  # 10/30, 10/40
    book.assessment(group, 1000, published_at=None)  # a draft
    book.assessment(group, 1000, only_overrides=True)  # for others
    book.assessment(None, 1000)  # of no group
    assert book.both() == (Decimal("33.33"), Decimal("25.00"))


def test_nothing_graded_is_no_grade(conn: Conn) -> None:
    """``least`` skips NULL: neither a cap nor a penalty makes a grade of nothing."""
    book = Gradebook(conn, max_percentage=100)
    group = book.group()
    assert book.four() == [None] * 4
    late = book.policy(deduction_percent=10)
    work = book.assessment(group, 10, late_policy_id=late, due_at="2020-01-01Z")
    book.attempt(work, None, "2020-01-05Z")
    assert book.four() == [None] * 4
    assert conn.execute("SELECT raw_score, score, status FROM grades").fetchall() == [
        {"raw_score": None, "score": None, "status": "submitted"}
    ]
    assert book.value("SELECT grade FROM enrollments WHERE id = %s", book.learner) is None
    conn.execute("UPDATE grades SET override_score = 7")
    assert book.four() == [Decimal("70.00")] * 4


def test_a_hidden_grade_moves_nothing_that_its_learner_sees(conn: Conn) -> None:
    """8/10 posted, 0/10 hidden: the learner's are 80 %, the staff's 8/20."""
    book = Gradebook(conn)
    group = book.group()
    book.graded(group, 10, 8)
    hidden = book.graded(group, 10, 0, posts_automatically=False)
    assert book.four() == [Decimal("80.00"), Decimal("80.00"), Decimal("40.00"), Decimal("40.00")]
    conn.execute("UPDATE grades SET override_score = 10 WHERE assessment_id = %s", [hidden])
    assert book.four() == [Decimal("80.00"), Decimal("80.00"), Decimal("90.00"), Decimal("90.00")]
    conn.execute("UPDATE grades SET posted_at = '2029-06-01Z' WHERE assessment_id = %s", [hidden])
    assert book.both(at="2029-05-31Z") == (Decimal("80.00"), Decimal("80.00"))
    assert book.both(at="2029-06-01Z") == (Decimal("90.00"), Decimal("90.00"))


def test_an_anonymous_grade_moves_no_total_until_it_is_revealed(conn: Conn) -> None:
    book = Gradebook(conn)
    group = book.group()
    book.graded(group, 10, 8)
    work = book.assessment(group, 10, is_anonymous=True)
    book.attempt(work, 2)
    assert book.four() == [Decimal("80.00")] * 4
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="graded anonymously"),
        conn.transaction(),
    ):
        conn.execute("UPDATE grades SET posted_at = now() WHERE assessment_id = %s", [work])
    conn.execute("UPDATE assessments SET revealed_at = now() WHERE id = %s", [work])
    assert book.four() == [Decimal("80.00"), Decimal("80.00"), Decimal("50.00"), Decimal("50.00")]
    conn.execute("UPDATE grades SET posted_at = now() WHERE assessment_id = %s", [work])
    assert book.four() == [Decimal("50.00")] * 4


@pytest.mark.parametrize(("weigh", "expected"), [(True, "54.09"), (False, "48.33")])
def test_periods(conn: Conn, weigh: bool, expected: str) -> None:  # noqa: FBT001  a case
    """8/10 in the first, of weight 1; 40/100 and 10/10 without a due date in the last, of weight 3.

    (0.8 + 3 * 50/110) / 4 = 119/220; by points 58/120.
    """
    book = Gradebook(conn, weight_periods=weigh)
    group = book.group()
    first, last = (
        book.insert("grading_periods", course_id=book.course, name=at, starts_at=at, weight=weight)
        for at, weight in (("2020-01-01Z", 1), ("2020-04-01Z", 3))
    )
    book.graded(group, 10, 8, due_at="2020-02-01Z")
    book.graded(group, 100, 40, due_at="2020-05-01Z")
    book.graded(group, 10, 10)
    assert book.current() == Decimal(expected)
    assert [book.current(period) for period in (first, last)] == [
        Decimal("80.00"),
        Decimal("45.45"),
    ]


#: Each of them may change grades.
CHANGES = (
    "UPDATE institutions SET timezone = 'Europe/Berlin'",
    "UPDATE gradebooks SET is_weighted = true",
    "UPDATE assessment_groups SET weight = 1",
    "UPDATE assessments SET points_possible = 20",
    "INSERT INTO late_policies (course_id, name) SELECT id, 'x' FROM courses",
    "INSERT INTO grading_periods (course_id, name, starts_at) SELECT id, 'x', now() FROM courses",
    """INSERT INTO grades (enrollment_id, assessment_id, override_score)
    SELECT e.id, a.id, 5 FROM enrollments e, assessments a""",
    "UPDATE grades SET is_excused = true",
    "DELETE FROM grades",
    """INSERT INTO assessment_attempts (enrollment_id, assessment_id)
    SELECT e.id, a.id FROM enrollments e, assessments a""",
    "UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()",
)


def test_what_changes_is_queued_and_what_changes_later_for_then(conn: Conn) -> None:
    book = Gradebook(conn)
    group = book.group()
    work = book.assessment(group, 10, due_at="2999-01-01Z")
    later = "SELECT count(*) FROM recalculations WHERE queued_at = '2999-01-01Z'"
    assert book.value(later) == 1

    def queued() -> int:
        found = 0
        while taken := book.value("SELECT recalculate_grades()"):
            found += taken
        return found

    assert queued() > 0
    for change in CHANGES:
        assert queued() == 0, change
        conn.execute(change.encode())
        assert queued() > 0, change
    book.enrol()
    assert queued() == 1
    conn.execute("UPDATE assessment_attempts SET content = '{\"a\": 1}'")
    conn.execute("UPDATE assessments SET title = title WHERE id = %s AND false", [work])
    assert queued() == 0
    assert book.value(later) == 1
    conn.execute("DELETE FROM institutions")
    assert queued() > 0  # what is gone is passed over
