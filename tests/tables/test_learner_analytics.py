"""``learner_analytics`` says what its sources say; who is at risk is listed with the reasons."""

import datetime as dt
from collections import Counter, defaultdict
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.support.analytics import part, place, zones
from tests.support.campus import HANDED, LEVELS, Campus
from tests.support.gradebooks import Gradebook

if TYPE_CHECKING:
    from decimal import Decimal

Conn = psycopg.Connection[DictRow]

RISKS = "SELECT signals FROM report_at_risk_learners WHERE enrollment_id = %s"
WRITTEN = "SELECT id, profile_updated_at, xmin::text, ctid::text FROM learner_analytics ORDER BY id"
PARTS_OF_A_DAY = ("night", "morning", "afternoon", "evening")


def number(value: Fraction, digits: int = 2) -> float:
    """Return a rounded number as JSON has it."""
    return float(place(value, digits) or 0)


@pytest.fixture
def campus(conn: Conn) -> Campus:
    """A campus of the last 40 days, with grades, all of whose changes are made."""
    now = conn.execute("SELECT now() AS now").fetchone()
    assert now is not None
    made = Campus(conn, 2, now["now"] - dt.timedelta(days=42))
    for change, values in made.changes:
        conn.execute(change, values)
    for one in made.rows("enrollments"):
        if made.draw.random() < 0.8:
            made.insert(
                "course_grades",
                enrollment_id=one["id"],
                course_id=one["course_id"],
                current_percentage=made.draw.choice([None, 40, 59, 80, 99.5]),
                override_percentage=made.draw.choice([None, None, 85]),
            )
    return made


def drain(conn: Conn, batch: int) -> int:
    """Work off the queue of learners; return in how many steps."""
    steps = 0
    while conn.execute("SELECT recalculate_learners(%s) AS n", [batch]).fetchone() != {"n": 0}:
        steps += 1
    return steps


def expected(campus: Campus, now: dt.datetime) -> dict[UUID, dict[str, Any]]:
    """Return the columns that don't depend on reports, by user."""
    clocks = zones(campus)
    subjects = {row["id"]: row["subject_area"] for row in campus.rows("courses")}
    kinds = {row["id"]: row["interaction_type"] for row in campus.rows("sections")}
    enrolled = campus.rows("enrollments")
    whose = {row["id"]: row for row in enrolled}
    sources: dict[str, dict[UUID, list[DictRow]]] = {
        name: defaultdict(list)
        for name in ("learner_course_daily", "learning_sessions", "section_progress")
    }
    for name, by_user in sources.items():
        for row in campus.rows(name):
            by_user[row["user_id"]].append(row)
    marks: dict[UUID, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for row in campus.rows("course_grades"):
        mark = row["override_percentage"] or row["current_percentage"]
        if mark is not None:
            subject = subjects[row["course_id"]]
            marks[whose[row["enrollment_id"]]["user_id"]][subject].append(mark)
    made = {}
    for user in campus.rows("users"):
        if user["id"] not in {row["user_id"] for row in enrolled}:
            continue
        today = now.astimezone(clocks[user["institution_id"]]).date()
        monday = today - dt.timedelta(days=today.weekday())
        days = [d for d in sources["learner_course_daily"][user["id"]] if d["day"] <= today]
        weeks = {d["day"] - dt.timedelta(days=d["day"].weekday()) for d in days}
        recent = {week for week in weeks if (monday - week).days < 56}
        hours = Counter[str]()
        for d in days:
            for hour, events in enumerate(d["hours"]):
                hours[PARTS_OF_A_DAY[hour // 6]] += events or 0
        sessions = sources["learning_sessions"][user["id"]]
        progress = sources["section_progress"][user["id"]]
        started = [p for p in progress if p["completion_status"] != "not_started"]
        known = [LEVELS[p["mastery_level"]] for p in started if p["mastery_level"]]
        lately = [
            p
            for p in started
            if p["completion_status"] in HANDED
            and now - dt.timedelta(days=28) < p["completed_at"] <= now
        ]
        time = Counter[str]()
        for p in progress:
            time[kinds[p["section_id"]]] += p["time_spent"]
        areas = {
            area: number(Fraction(sum(of)) / len(of)) for area, of in marks[user["id"]].items()
        }
        listed = sorted(areas.items(), key=lambda a: (a[1], a[0]))
        made[user["id"]] = {
            "strength_areas": [
                {"area": a, "percentage": p}
                for a, p in sorted(listed, key=lambda x: (-x[1], x[0]))
                if p >= 80
            ],
            "improvement_areas": [{"area": a, "percentage": p} for a, p in listed if p < 60],
            "overall_mastery_score": place(part(sum(known), 3 * len(known))),
            "learning_velocity": place(Fraction(len(lately), 4)) if started else None,
            "engagement_consistency": place(
                part(len(recent), min(8, (monday - min(weeks)).days // 7 + 1)) if weeks else None
            ),
            "preferred_learning_times": {
                name: number(Fraction(hours[name], hours.total())) for name in PARTS_OF_A_DAY
            }
            if days
            else {},
            "session_patterns": {
                "sessions_per_week": number(Fraction(len(sessions), 12)),
                "median_minutes": number(
                    Fraction(median(s["active_duration"] for s in sessions)) / 60, 1
                ),
                "completed": number(
                    Fraction(
                        sum(s["session_outcome"] == "completed" for s in sessions), len(sessions)
                    )
                ),
            }
            if sessions
            else {},
            "interaction_preferences": {
                kind: number(Fraction(seconds, time.total()))
                for kind, seconds in time.items()
                if seconds
            },
            "last_activity_at": max((d["last_at"] for d in days), default=None),
        }
    return made


def test_it_is_what_plain_python_computes(campus: Campus) -> None:
    conn = campus.conn
    now = conn.execute("SELECT now() AS now").fetchone()
    assert now is not None
    assert drain(conn, 8) > 1
    said = expected(campus, now["now"])
    found = {row["user_id"]: row for row in campus.rows("learner_analytics")}
    assert found.keys() == said.keys()
    for user, row in said.items():
        assert {name: found[user][name] for name in row} == row
    for column in next(iter(said.values())):
        assert len({str(row[column]) for row in said.values()}) > 1, column  # put to the test
    risks = defaultdict(list)
    for row in campus.rows("report_at_risk_learners"):
        risks[row["user_id"]].append((str(row["course_id"]), row["signals"]))
    assert risks
    for user, row in found.items():
        listed = [(one["course_id"], one["signals"]) for one in row["at_risk_indicators"]]
        assert listed == sorted(risks[user], key=lambda one: one[0])


def test_again_it_writes_nothing_but_what_is_queued(campus: Campus) -> None:
    conn = campus.conn
    drain(conn, 100)
    conn.execute("UPDATE learner_analytics SET success_probability = 0.5")
    before = conn.execute(WRITTEN).fetchall()
    assert drain(conn, 100) == 0  # they were queued today
    conn.execute("UPDATE rollup_state SET watermark = '2000-01-01Z' WHERE name = 'learners'")
    assert drain(conn, 100) == 1
    assert conn.execute(WRITTEN).fetchall() == before


def test_who_is_at_risk_and_why(conn: Conn) -> None:
    book = Gradebook(conn, levels={"A": 50, "F": 0})
    conn.execute("UPDATE grading_scheme_levels SET is_passing = false WHERE label = 'F'")

    def signals() -> object:
        rows = conn.execute(RISKS, [book.learner]).fetchall()
        return rows[0]["signals"] if rows else None

    def enrollment(**values: object) -> None:
        for name, value in values.items():
            conn.execute(
                psycopg.sql.SQL("UPDATE enrollments SET {} = %s").format(
                    psycopg.sql.Identifier(name)
                ),
                [value],
            )

    assert signals() == {"never_accessed": True}
    now = dt.datetime.now(dt.UTC)
    enrollment(last_accessed_at=now - dt.timedelta(days=6))
    assert signals() is None
    enrollment(last_accessed_at="2026-01-02 03:04:05Z")
    assert signals() == {"inactive_since": "2026-01-02T03:04:05Z"}
    enrollment(last_accessed_at=now)
    group = book.group()
    first, _ = (book.assessment(group, 10, due_at="2020-01-01Z") for _ in range(2))
    book.assessment(None, 10, due_at="2020-01-01Z")  # it counts in no total
    assert signals() == {"missing_work": 2}
    book.grade(first, 4)
    assert signals() is None  # 4 of 10, but nothing is posted
    conn.execute("UPDATE grades SET posted_at = '2020-01-01Z'")
    book.total()
    assert signals() == {"failing_at": 40}
    conn.execute("UPDATE grades SET override_score = 5")
    book.total()
    assert signals() is None
    calendar = '{"terms": [{"name": "t", "starts": "2020-01-01", "ends": "2021-01-01"}]}'
    conn.execute("UPDATE institutions SET academic_calendar = %s::jsonb", [calendar])
    conn.execute("UPDATE courses SET academic_term = 't'")
    enrollment(total_sections=4, progress_percentage=74.5)
    assert signals() == {"behind_at": 74.5}
    enrollment(progress_percentage=75)
    assert signals() is None
    enrollment(last_accessed_at=None, enrollment_status="suspended")
    assert signals() is None
