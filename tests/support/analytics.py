"""What the analytics of courses are, computed from the rows in plain Python."""

import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import DictRow

from tests.support.campus import LEVELS, TERM, Campus, Rows

Key = tuple[UUID, str, dt.date]


def place(value: Fraction | None, digits: int = 2) -> Decimal | None:
    """Return a number as it is written: rounded, half up."""
    if value is None:
        return None
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def part(whole: float | Fraction, of: int) -> Fraction | None:
    """Return a quotient; None of nothing."""
    return Fraction(whole) / of if of else None


def zones(campus: Campus) -> dict[UUID, ZoneInfo]:
    """Return the clock of each institution."""
    return {
        row["id"]: ZoneInfo("UTC" if "Nowhere" in row["timezone"] else row["timezone"])
        for row in campus.rows("institutions")
    }


def spans(day: dt.date, term: str | None) -> list[tuple[str, dt.date, dt.date]]:
    """Return the periods that a day lies in: kind, first and last day."""
    week = day - dt.timedelta(days=day.weekday())
    month = day.replace(day=1)
    after = (month + dt.timedelta(days=31)).replace(day=1)
    one = dt.timedelta(days=1)
    found = [
        ("daily", day, day),
        ("weekly", week, week + 6 * one),
        ("monthly", month, after - one),
    ]
    first, last = (dt.date.fromisoformat(TERM[key]) for key in ("starts", "ends"))
    if term == TERM["name"] and first <= day <= last:
        found.append(("semester", first, last))
    return found


def courses(campus: Campus) -> dict[Key, dict[str, Any]]:
    """Return the computed columns of ``course_analytics``, by course, kind and first day."""
    clocks = zones(campus)
    lessons = {row["id"]: row["course_id"] for row in campus.rows("lessons")}
    of_course = {row["id"]: lessons[row["lesson_id"]] for row in campus.rows("sections")}
    every = {
        name: campus.rows(name)
        for name in ("enrollments", "learner_course_daily", "learning_sessions", "section_progress")
    }
    made: dict[Key, dict[str, Any]] = {}
    for course in campus.rows("courses"):
        clock = clocks[course["institution_id"]]

        def local(at: dt.datetime | None, clock: ZoneInfo = clock) -> dt.date:
            return at.astimezone(clock).date() if at else dt.date.max

        enrolled = [e for e in every["enrollments"] if e["course_id"] == course["id"]]
        joined = {e["user_id"]: local(e["enrolled_at"]) for e in enrolled}
        left = {e["user_id"]: local(e["completion_date"] or e["withdrawn_at"]) for e in enrolled}
        days = [d for d in every["learner_course_daily"] if d["course_id"] == course["id"]]
        visits = [
            (local(s["session_start"]), s["user_id"])
            for s in every["learning_sessions"]
            if s["course_id"] == course["id"]
        ]
        progress = [
            {
                **p,
                "begun": max(local(p["started_at"]), joined[p["user_id"]]),
                "done": max(local(p["completed_at"]), joined[p["user_id"]]),
            }
            for p in every["section_progress"]
            if of_course[p["section_id"]] == course["id"]
            and p["completion_status"] != "not_started"
        ]
        happened = {d["day"] for d in days} | {day for day, _ in visits} | set(joined.values())
        happened |= {day for day in left.values() if day < dt.date.max}
        happened |= {p["begun"] for p in progress} | {
            p["done"] for p in progress if p["completed_at"]
        }
        total = sum(1 for section in of_course.values() if section == course["id"])
        for kind, first, last in {
            s for day in happened for s in spans(day, course["academic_term"])
        }:
            here = {user for user, day in joined.items() if day <= last}
            worked = [d for d in days if first <= d["day"] <= last and d["user_id"] in here]
            busy = {d["user_id"] for d in worked}
            began = [p for p in progress if p["begun"] <= last]
            done = sum(p["done"] <= last for p in progress)
            known = [LEVELS[p["mastery_level"]] for p in began if p["mastery_level"]]
            made[course["id"], kind, first] = {
                "period_end": last,
                "total_enrollments": len(here),
                "active_learners": sum(left[user] > last for user in busy),
                "completed_learners": sum(
                    1 for e in enrolled if e["completion_date"] and left[e["user_id"]] <= last
                ),
                "dropped_learners": sum(
                    1 for e in enrolled if e["withdrawn_at"] and left[e["user_id"]] <= last
                ),
                "average_time_spent": place(
                    part(sum(d["active_seconds"] for d in worked), 60 * len(busy))
                ),
                "average_sessions_per_learner": place(
                    part(sum(1 for d, u in visits if first <= d <= last and u in here), len(busy))
                ),
                "average_completion_rate": place(part(100 * done, total * len(here))),
                "average_mastery_score": place(part(sum(known), 3 * len(known))),
                **sections(began),
            }
    compare(made, {row["id"]: row for row in campus.rows("courses")})
    return made


def sections(began: Rows) -> dict[str, Any]:
    """Return the most engaging and the challenging sections of what was started."""
    by_section: dict[UUID, Rows] = defaultdict(list)
    for p in began:
        by_section[p["section_id"]].append(p)
    found = []
    for section, rows in by_section.items():
        struggling = sum(1 for p in rows if p["mastery_level"] == "struggling")
        found.append(
            (
                str(section),
                len(rows),
                Fraction(sum(p["interaction_count"] for p in rows), len(rows)),
                Fraction(struggling, len(rows)),
                Fraction(sum(p["revisit_count"] for p in rows), len(rows)),
            )
        )
    return {
        "most_engaging_sections": [
            {"section_id": s, "learners": n, "interactions": float(place(done) or 0)}
            for s, n, done, _, _ in sorted(found, key=lambda f: (-f[2], f[0]))[:5]
            if done
        ],
        "challenging_sections": [
            {
                "section_id": s,
                "learners": n,
                "struggling": float(place(share, 4) or 0),
                "revisits": float(place(again) or 0),
            }
            for s, n, _, share, again in sorted(
                (f for f in found if f[1] >= 5 and f[3]), key=lambda f: (-f[3], -f[4], f[0])
            )[:5]
        ],
    }


def compare(made: dict[Key, dict[str, Any]], known: dict[UUID, DictRow]) -> None:
    """Add how the courses of an institution compare in each period."""
    for (course, kind, first), row in made.items():
        rate = row["average_completion_rate"]
        peers = [
            (known[other], values["average_completion_rate"])
            for (other, *period), values in made.items()
            if period == [kind, first]
            and known[other]["institution_id"] == known[course]["institution_id"]
            and values["average_completion_rate"] is not None
        ]
        alike = [r for c, r in peers if c["subject_area"] == known[course]["subject_area"]]
        lower = sum(1 for _, r in peers if rate is not None and r < rate)
        row["institution_percentile"] = (
            place(Fraction(lower, len(peers) - 1)) if rate is not None and len(peers) > 1 else None
        )
        row["subject_area_comparison"] = {}
        if rate is not None:
            mean = place(Fraction(sum(alike)) / len(alike)) or Decimal(0)
            row["subject_area_comparison"] = {
                "subject_area": known[course]["subject_area"],
                "courses": len(alike),
                "average_completion_rate": float(mean),
                "difference": float(rate - mean),
            }
