"""Real submissions come to the grades that a few lines of fractions compute from the files."""

from fractions import Fraction

import psycopg
from sqlalchemy import create_engine, make_url

from tests.support.real_data import load, oulad_grades

#: Of 22 presentations two small ones and one without weights; benchmarks/grades.py loads all.
SOME = {("AAA", "2013J"), ("AAA", "2014J"), ("GGG", "2014J")}


def half_up(exact: Fraction | None) -> int | None:
    """Return hundredths."""
    return None if exact is None else (exact * 100 + Fraction(1, 2)).__floor__()


def test_each_courses_weighted_means_are_those_of_the_files(lms_database_url: str) -> None:
    folder = load.folder() / "oulad"
    engine = create_engine(make_url(lms_database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as transaction:
        load.load(transaction, oulad_grades.tables(folder, SOME))
    engine.dispose()
    with psycopg.connect(lms_database_url, autocommit=True) as conn:
        conn.execute(oulad_grades.WITHDRAW)
        while conn.execute("SELECT recalculate_grades()").fetchone() != (0,):
            pass
        found = conn.execute(
            "SELECT enrollment_id, (100 * current_percentage)::int, (100 * final_percentage)::int"
            " FROM course_grades"
        ).fetchall()
        totals = conn.execute("SELECT count(*), count(score), sum(score) FROM grades").fetchone()
        results = conn.execute(
            "SELECT grade_letter, count(*) FROM enrollments GROUP BY 1 ORDER BY 1"
        ).fetchall()
        history = conn.execute("SELECT count(*), sum(new_score) FROM grade_changes").fetchone()
    expected = oulad_grades.means(folder, SOME)
    assert {one: tuple(both) for one, *both in found} == {
        one: (half_up(current), half_up(final)) for one, (current, final) in expected.items()
    }
    assert len(expected) == 1497
    assert sum(current is None for current, _ in expected.values()) == 793  # without weights
    assert totals == (7522, 7517, 562_846)
    assert results == [("D", 171), ("F", 270), ("P", 804), ("W", 252)]
    assert history == totals[::2]
