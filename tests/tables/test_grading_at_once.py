"""Two sessions at once: no lost update, and one clear error."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import dict_row

from tests.support.gradebooks import Gradebook

Session = psycopg.Connection[Any]


@pytest.fixture
def book(lms_database_url: str) -> Iterator[Gradebook]:
    """A course, committed."""
    with psycopg.connect(lms_database_url, row_factory=dict_row, autocommit=True) as conn:
        yield Gradebook(conn)


def at_once(url: str, *works: Callable[[Session], object]) -> list[object]:
    """Run each in a session and a thread of its own, begun together; return what they return."""
    begin = threading.Barrier(len(works))

    def run(work: Callable[[Session], object]) -> object:
        with psycopg.connect(url, autocommit=True) as session:
            begin.wait()
            try:
                return work(session)
            except psycopg.Error as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_a_double_start_makes_one_attempt(book: Gradebook, lms_database_url: str) -> None:
    work = book.assessment(book.group(), 10)

    def start(session: Session) -> int:
        return session.execute(
            "INSERT INTO assessment_attempts (enrollment_id, assessment_id) VALUES (%s, %s)"
            " ON CONFLICT (enrollment_id, assessment_id) WHERE status = 'in_progress' DO NOTHING",
            [book.learner, work],
        ).rowcount

    outcomes = at_once(lms_database_url, *[start] * 6)
    assert sum(one for one in outcomes if isinstance(one, int)) == 1
    # the others did nothing, or were told that the number is taken
    assert all(isinstance(one, (int, errors.UniqueViolation)) for one in outcomes), outcomes
    assert book.value("SELECT count(*) FROM assessment_attempts") == 1


def test_a_double_hand_in_is_one(book: Gradebook, lms_database_url: str) -> None:
    work = book.assessment(book.group(), 10)
    begun = book.insert("assessment_attempts", enrollment_id=book.learner, assessment_id=work)

    def hand_in(session: Session) -> int:
        return session.execute(
            "UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()"
            " WHERE id = %s AND status = 'in_progress'",
            [begun],
        ).rowcount

    assert sorted(map(str, at_once(lms_database_url, hand_in, hand_in))) == ["0", "1"]


def test_of_two_graders_one_is_told(book: Gradebook, lms_database_url: str) -> None:
    work = book.graded(book.group(), 10, 5)

    def save(score: int) -> Callable[[Session], int]:
        return lambda session: (
            session.execute(
                "UPDATE grades SET override_score = %s WHERE assessment_id = %s AND version = 1",
                [score, work],
            ).rowcount
        )

    assert sorted(map(str, at_once(lms_database_url, save(7), save(8)))) == ["0", "1"]
    attempt = book.attempt(book.assessment(None, 10), None)

    def judge(score: int) -> Callable[[Session], object]:
        return lambda session: (
            session.execute(
                "INSERT INTO gradings (attempt_id, grader_id, score) VALUES (%s, NULL, %s)",
                [attempt, score],
            ).rowcount
        )

    one, other = sorted(map(type, at_once(lms_database_url, judge(7), judge(8))), key=str)
    assert (one, other) == (int, errors.UniqueViolation)


def test_a_recalculation_beside_graders_misses_no_change(
    book: Gradebook, lms_database_url: str
) -> None:
    book.graded(book.group(), 10, 5)
    done = threading.Event()

    def grader(shift: int) -> Callable[[Session], None]:
        def work(session: Session) -> None:
            for number in range(40):
                session.execute(
                    "UPDATE grades SET override_score = %s", [(number * 7 + shift) % 11]
                )

        return work

    def worker(session: Session) -> None:
        while not done.is_set():
            session.execute("SELECT recalculate_grades()")

    def application(session: Session) -> None:
        while not done.is_set():
            session.execute("SELECT recalculate_course(%s, %s)", [book.course, [book.learner]])

    def graders(_: Session) -> list[object]:
        try:
            return at_once(lms_database_url, grader(1), grader(5))
        finally:
            done.set()

    outcomes = at_once(lms_database_url, graders, worker, worker, application)
    assert outcomes == [[None, None], None, None, None]
    while book.value("SELECT recalculate_grades()"):
        pass
    assert book.value(
        "SELECT current_percentage = 10 * score FROM grades"
        " JOIN course_grades USING (enrollment_id)"
    )
    assert book.value("SELECT count(*) FROM recalculations WHERE kind = 'grades'") == 0


def test_an_autosave_does_not_cross_the_hand_in(book: Gradebook, lms_database_url: str) -> None:
    quiz, _, version, items = book.quiz()
    book.publish(version)
    attempt = book.insert(
        "assessment_attempts",
        enrollment_id=book.learner,
        assessment_id=quiz,
        assessment_version_id=version,
    )
    with psycopg.connect(lms_database_url) as hands_in, ThreadPoolExecutor(1) as pool:
        hands_in.execute(
            "UPDATE assessment_attempts SET status = 'submitted', submitted_at = now()"
        )

        def save(session: Session) -> int:
            return session.execute(
                "INSERT INTO item_responses (attempt_id, assessment_version_id, assessment_item_id)"
                " VALUES (%s, %s, %s)",
                [attempt, version, items[0]],
            ).rowcount

        saved = pool.submit(at_once, lms_database_url, save)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not book.value(f"{waiting} AND datname = current_database()"):
            pass
        hands_in.commit()
        [refused] = saved.result()
    assert isinstance(refused, errors.CheckViolation)
    assert refused.diag.constraint_name == "guard_response"


def test_an_older_snapshot_computes_no_grades(book: Gradebook) -> None:
    book.conn.execute("SET default_transaction_isolation TO 'repeatable read'")
    with pytest.raises(errors.InvalidTransactionState, match="READ COMMITTED"):
        book.conn.execute("SELECT recalculate_course(%s)", [book.course])
