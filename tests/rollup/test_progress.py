"""Progress in sections becomes that in lessons, and the summary of enrollments."""

from decimal import Decimal
from typing import Any

import psycopg

from tests.support.rollups import Site

Connection = psycopg.Connection[Any]


def drain(conn: Connection) -> int:
    """Work off the queue of progress; return how many entries were taken."""
    total = 0
    while row := conn.execute("SELECT recalculate_progress()").fetchone():
        if not row[0]:
            return total
        total += row[0]
    raise AssertionError


def lessons(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT sections_completed, total_sections, completion_percentage, total_time_spent,"
        " average_mastery_level, overall_confidence, completed_at::date::text"
        " FROM lesson_progress AS p INNER JOIN lessons AS l ON p.lesson_id = l.id"
        " ORDER BY l.order_index"
    ).fetchall()


def summary(conn: Connection) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = conn.execute(
        "SELECT sections_completed, total_sections, lessons_completed, total_lessons,"
        " progress_percentage::float, total_time_spent, last_accessed_at::date::text"
        " FROM enrollments"
    ).fetchone()
    assert row is not None
    return row


def test_progress_is_summed_up_and_follows_the_sections_of_the_course(conn: Connection) -> None:
    site = Site(conn)
    drain(conn)
    assert summary(conn) == (0, 4, 0, 2, 0.0, 0, None)  # also of whom has done nothing
    site.progress(0)
    site.progress(
        1,
        completion_status="not_started",
        completed_at=None,
        mastery_level="developing",
        time_spent=0,
        last_accessed_at="2019-09-01Z",
    )
    site.progress(2, mastery_level="advanced", confidence_score="0.5")
    drain(conn)
    half = (1, 2, Decimal("50.00"), 90)
    assert lessons(conn) == [
        (*half, Decimal("3.00"), None, None),
        (*half, Decimal("4.00"), Decimal("0.50"), None),
    ]
    assert summary(conn) == (2, 4, 0, 2, 50.0, 3, "2019-01-02")
    site.progress(3, completion_status="reviewed", completed_at="2019-01-03Z")
    drain(conn)
    assert lessons(conn)[1][6] == "2019-01-03"
    assert summary(conn) == (3, 4, 1, 2, 75.0, 4, "2019-01-02")
    site.insert(
        "sections",
        lesson_id=site.lesson(1),
        title="s",
        content="",
        order_index=9,
        section_type="content",
        interaction_type="read",
    )
    drain(conn)
    assert summary(conn)[:5] == (3, 5, 0, 2, 60.0)
    conn.execute("UPDATE sections SET lesson_id = %s WHERE order_index = 9", [site.lesson(0)])
    drain(conn)
    assert [row[1] for row in lessons(conn)] == [3, 2]
    assert summary(conn)[:5] == (3, 5, 1, 2, 60.0)
    conn.execute("DELETE FROM lessons WHERE id = %s", [site.lesson(0)])
    drain(conn)
    assert len(lessons(conn)) == 1
    assert summary(conn) == (2, 2, 1, 1, 100.0, 3, "2019-01-02")
    conn.execute("DELETE FROM section_progress")
    drain(conn)
    assert lessons(conn) == []
    assert summary(conn) == (0, 2, 0, 1, 0.0, 0, None)


def test_nothing_is_written_where_nothing_changed(conn: Connection) -> None:
    site = Site(conn)
    site.progress(0)
    assert drain(conn) > 0
    conn.execute("DELETE FROM recalculations")
    conn.execute("UPDATE section_progress SET notes = 'n'")
    assert drain(conn) == 1
    assert conn.execute("SELECT count(*) FROM recalculations").fetchone() == (0,)
    site.progress(1)
    drain(conn)
    assert conn.execute("SELECT kind::text FROM recalculations").fetchall() == [("analytics",)]


def test_only_those_whose_progress_changed_are_computed(conn: Connection) -> None:
    site = Site(conn, learners=2)
    drain(conn)
    conn.execute("UPDATE enrollments SET total_sections = 7")
    site.progress(0)
    drain(conn)
    found = conn.execute("SELECT total_sections FROM enrollments ORDER BY sections_completed")
    assert found.fetchall() == [(7,), (4,)]


def test_events_and_sections_both_say_when_a_course_was_accessed(conn: Connection) -> None:
    site = Site(conn)
    site.progress(0)
    site.event("2019-10-10 12:00Z")
    conn.execute("SELECT rollup_events('-infinity', 'infinity')")
    assert summary(conn)[6] == "2019-10-10"
    drain(conn)
    assert summary(conn)[6] == "2019-10-10"
    conn.execute("UPDATE section_progress SET last_accessed_at = '2019-10-11Z'")
    drain(conn)
    assert summary(conn)[6] == "2019-10-11"


def test_when_a_learner_left_is_noted(conn: Connection) -> None:
    Site(conn)
    left = "UPDATE enrollments SET {} RETURNING withdrawn_at::text, withdrawn_at = now()"

    def change(what: str) -> tuple[Any, ...] | None:
        return conn.execute(left.format(what).encode()).fetchone()

    assert (change("enrollment_status = 'withdrawn'") or ())[1:] == (True,)
    assert change("withdrawn_at = '2019-03-01Z'") == ("2019-03-01 00:00:00+00", False)
    assert change("enrollment_status = 'withdrawn'") == ("2019-03-01 00:00:00+00", False)
    assert change("withdrawn_at = NULL") == ("2019-03-01 00:00:00+00", False)
    assert change("enrollment_status = 'active'") == (None, None)
    assert change("withdrawn_at = now()") == (None, None)
