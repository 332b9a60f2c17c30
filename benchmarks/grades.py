"""What grades cost the server, in seconds of its processor; with --data, those of a real dataset.

Usage, in a checkout that is installed --editable:
    python benchmarks/grades.py [--learners N] [--assessments N] [--data FOLDER]

Starts a throw-away embedded server. A course of 500 learners and 40 assessments in four weighted
groups, of which two drop their lowest, one attempt in eight late: computed for the first time, with
a grade and its history for each attempt; again, when nothing has changed; with other weights; with
another score of everybody in one assessment; with other scores everywhere; and for one learner. The
target is a course recomputed in a second. FOLDER has the Open University's dataset: all of its
submissions are graded, and the totals and each registration's means compared with its files.
"""

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import LiteralString, cast

import psycopg
from sqlalchemy import create_engine, make_url

from benchmarks.integrity import throw_away_server
from benchmarks.statements import processor_time
from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration.upgrade import upgrade
from tests.support.real_data import load, oulad, oulad_grades

TARGET = 1.0

#: Of the registrations of the dataset, by its own description.
RESULTS = {"P": 12_361, "W": 10_156, "F": 7_052, "D": 3_024}

#: A course, its learners, groups, assessments and attempts.
FILL: tuple[LiteralString, ...] = (
    """
    INSERT INTO institutions (name, domain, education_level, timezone)
    VALUES ('I', 'i.example', 'higher_ed', 'Europe/Berlin')
    """,
    """
    INSERT INTO courses (institution_id, title, description, subject_area, difficulty_level)
    SELECT id, 'C', '', 's', 'beginner' FROM institutions
    """,
    """
    INSERT INTO gradebooks (course_id, institution_id, is_weighted)
    SELECT id, institution_id, true FROM courses
    """,
    """
    INSERT INTO users (institution_id, email, username, role)
    SELECT i.id, 'u' || n, 'u' || n, 'student'
    FROM institutions AS i, generate_series(1, %(learners)s) AS n
    """,
    """
    INSERT INTO enrollments (user_id, course_id, enrolled_at)
    SELECT u.id, c.id, '2020-01-01' FROM users AS u, courses AS c
    """,
    """
    INSERT INTO late_policies (course_id, name, deduction_percent)
    SELECT id, 'ten percent a day', 10 FROM courses
    """,
    """
    INSERT INTO assessment_groups (course_id, name, order_index, weight, drop_lowest)
    SELECT c.id, 'g' || n, n, 10 * n, n %% 2 FROM courses AS c, generate_series(1, 4) AS n
    """,
    """
    INSERT INTO assessments (course_id, institution_id, assessment_group_id, title, kind,
        points_possible, order_index, due_at, published_at, late_policy_id, attempts_allowed)
    SELECT c.id, c.institution_id, g.id, 'a' || n, 'quiz', 10 + n %% 7, n,
        timestamptz '2020-02-01 20:00Z' + n * interval '3 days', '2020-01-01', l.id, NULL
    FROM courses AS c, late_policies AS l, generate_series(1, %(assessments)s) AS n
    INNER JOIN assessment_groups AS g ON g.order_index = 1 + n %% 4
    """,
    """
    INSERT INTO assessment_attempts (enrollment_id, assessment_id, started_at, status, submitted_at,
        score, graded_at)
    SELECT e.id, a.id, a.due_at - interval '1 day', 'graded',
        a.due_at - interval '1 hour' + (h.n %% 8 = 0)::int * interval '30 hours',
        h.n %% (4 * a.points_possible) / 4, a.due_at + interval '2 days'
    FROM enrollments AS e
    CROSS JOIN assessments AS a
    CROSS JOIN LATERAL (SELECT hashtext(concat(e.id, a.id)) & 65535 AS n) AS h
    """,
)

ALL: LiteralString = "SELECT recalculate_course(id) FROM courses"

#: Of the assessments up to this one.
ANOTHER_SCORE: LiteralString = """
    UPDATE assessment_attempts AS t
    SET score = CASE WHEN t.score > 1 THEN t.score - 1 ELSE t.score + 1 END
    FROM assessments AS a
    WHERE t.assessment_id = a.id AND a.order_index <= %(last)s
"""

#: Each: what has changed, how, and what computes. What is taken as the target's recomputation is
#: the third: every total of the course is another one.
CASES: tuple[tuple[str, LiteralString, LiteralString], ...] = (
    ("for the first time", "ANALYZE", ALL),
    ("nothing has changed", "ANALYZE", ALL),
    ("other weights", "UPDATE assessment_groups SET weight = 100 - weight", ALL),
    ("other scores in one assessment", ANOTHER_SCORE, ALL),
    ("other scores everywhere", ANOTHER_SCORE, ALL),
    (
        "one learner",
        "SELECT",
        "SELECT recalculate_course(course_id, ARRAY[id]) FROM enrollments LIMIT 1",
    ),
)


def taken(conn: psycopg.Connection, work: Callable[[], object]) -> float:
    """Return the seconds of the server's processor that work of a session takes."""
    before = processor_time(conn)
    work()
    return processor_time(conn) - before


def course(url: str, learners: int, assessments: int) -> bool:
    """Print what a course costs; returns whether it is within the target."""
    grades = learners * assessments
    print(f"a course of {learners} learners and {assessments} assessments, {grades} grades")
    within = True
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in FILL:
            conn.execute(statement, {"learners": learners, "assessments": assessments})
        for what, change, compute in CASES:
            last = 1 if "one assessment" in what else assessments
            conn.execute(change, {"last": last} if "last" in change else None)

            def work(compute: LiteralString = compute) -> None:
                conn.execute(compute)

            seconds = taken(conn, work)
            each = 1e6 * seconds / (assessments if what == "one learner" else grades)
            print(f"  {what:<32}{seconds:7.2f} s{each:9.1f} ms per 1,000 grades", flush=True)
            if what == "other weights":
                within = seconds <= TARGET
    return within


def dataset(url: str, folder: Path) -> bool:
    """Grade all submissions of the dataset; returns whether all is as its files say."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as transaction:
        driver = transaction.connection.driver_connection
        seconds = taken(
            cast("psycopg.Connection", driver),
            lambda: load.load(transaction, oulad_grades.tables(folder)),
        )
    engine.dispose()
    print(f"  loaded with its attempts        {seconds:7.2f} s")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(oulad_grades.WITHDRAW)
        conn.execute("ANALYZE")

        def drain() -> None:
            while conn.execute("SELECT recalculate_grades(100000)").fetchone() != (0,):
                pass

        print(f"  graded, from the queue          {taken(conn, drain):7.2f} s")
        print(f"  recomputed, nothing has changed {taken(conn, lambda: conn.execute(ALL)):7.2f} s")
        totals = conn.execute(
            "SELECT count(*), count(score), sum(score)::bigint FROM grades"
        ).fetchone()
        results = conn.execute(
            "SELECT grade_letter, count(*) FROM enrollments GROUP BY 1 ORDER BY 1"
        ).fetchall()
        students = conn.execute("SELECT count(DISTINCT user_id) FROM enrollments").fetchone()
        rows = conn.execute(
            "SELECT enrollment_id, (100 * current_percentage)::int, (100 * final_percentage)::int"
            " FROM course_grades"
        )
        found = {one: (current, final) for one, current, final in rows}
    every = [oulad.presentation_of(line) for line in oulad.read(folder, "course")]
    means = oulad_grades.means(folder, every)
    differing = sum(found[one] != tuple(map(half_up, both)) for one, both in means.items())
    print(f"  grades, with a score, their sum: {totals}; students: {students}; {results}")
    print(f"  {2 * len(means)} means compared with fractions: {differing} registrations differ")
    known = totals == (173_912, 173_739, 13_169_342) and students == (28_785,)
    return known and dict(results) == RESULTS and not differing


def half_up(exact: Fraction | None) -> int | None:
    """Return hundredths."""
    return None if exact is None else (exact * 100 + Fraction(1, 2)).__floor__()


def main() -> int:
    """Print the costs; 1 if the target is missed, or grades are wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=500)
    parser.add_argument("--assessments", type=int, default=40)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    kept = []
    with throw_away_server() as server:
        urls = []
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            for name in ("course", "dataset"):
                admin.execute(f"CREATE DATABASE {name}".encode())
                urls.append(server.url(name))
                database = connect(Target(server.url(name), "benchmark"))
                upgrade(database)
                database.conn.close()
        kept.append(course(urls[0], options.learners, options.assessments))
        if options.data:
            print("the Open University's dataset")
            kept.append(dataset(urls[1], options.data))
    print(f"within {TARGET} s, and as the files say: {'yes' if all(kept) else 'NO'}")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
