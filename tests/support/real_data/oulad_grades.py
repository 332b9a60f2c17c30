"""The assessments of the Open University's dataset as attempts, to be graded; and their means.

Coursework (TMA and CMA) and the exam weigh half each; within them, each assessment has its weight
of the data. All have 100 points, and are due at the end of their day in London. A submission is a
graded attempt, at noon of its day; one without a score waits. What the university decided, Pass or
Withdrawn, is the course's override.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.support.real_data import oulad
from tests.support.real_data.oulad import Presentation, Row, identity, presentation_of

#: What the two percentages of a registration are to be.
Means = dict[UUID, tuple[Fraction | None, Fraction | None]]

GROUPS = ("coursework", "exam")

#: What comes after the attempts.
WITHDRAW: LiteralString = """
    UPDATE enrollments AS e SET enrollment_status = 'withdrawn'
    FROM course_grades AS g
    WHERE g.enrollment_id = e.id AND g.override_label = 'W'
"""

KINDS = {"TMA": "assignment", "CMA": "quiz", "Exam": "exam"}


def tables(
    folder: Path, presentations: Collection[Presentation] | None = None
) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the names of the tables with their rows, up to the attempts.

    Args:
        folder: The dataset's folder of gzipped CSV files.
        presentations: Of which presentations; None: of all.
    """
    chosen = [*map(presentation_of, oulad.read(folder, "course"))]
    if presentations is not None:
        chosen = [one for one in chosen if one in presentations]
    courses = {oulad.course_id(one) for one in chosen}
    enrolled = [row for row in oulad.enrollments(folder) if row["course_id"] in courses]
    users = {row["user_id"] for row in enrolled}
    yield "institutions", iter([oulad.institution()])
    yield "users", (row for row in oulad.users(folder) if row["id"] in users)
    yield "courses", (row for row in oulad.courses(folder) if row["id"] in courses)
    yield "enrollments", map(_enrolled, enrolled)
    yield "gradebooks", ({**_course(one), "is_weighted": True} for one in chosen)
    yield "assessment_groups", (group for one in chosen for group in _groups(one))
    yield "assessments", _assessments(folder, chosen)
    yield "course_grades", map(_result, enrolled)
    yield "assessment_attempts", _attempts(folder, chosen)


def means(folder: Path, presentations: Collection[Presentation]) -> Means:
    """Return the current and the final percentage of each registration, computed from the files."""
    about = {line["id_assessment"]: line for line in oulad.read(folder, "assessment")}
    of_course: dict[Presentation, dict[str, dict[str, str]]] = defaultdict(dict)
    for assessment, line in about.items():
        of_course[presentation_of(line)][assessment] = line
    scores: dict[tuple[Presentation, str], dict[str, str]] = defaultdict(dict)
    for line in oulad.read(folder, "student_assessment"):
        one = presentation_of(about[line["id_assessment"]]), line["id_student"]
        scores[one][line["id_assessment"]] = line["score"]
    found: Means = {}
    for line in oulad.read(folder, "student"):
        one = presentation_of(line), line["id_student"]
        if one[0] in presentations:
            current, final = (
                _mean(of_course[one[0]], scores[one], missing) for missing in (None, "0")
            )
            found[oulad.enrollment_id(*one)] = current, final
    return found


def _mean(
    about: dict[str, dict[str, str]], scores: dict[str, str], missing: str | None
) -> Fraction | None:
    """Return the mean of coursework and exam of one student; None: nothing counts."""
    halves = []
    for is_exam in (False, True):
        counted = [
            (Fraction(line["weight"]), Fraction(scores.get(a) or missing or 0))
            for a, line in about.items()
            if (line["assessment_type"] == "Exam") is is_exam and scores.get(a, missing)
        ]
        weight = sum((w for w, _ in counted), Fraction(0))
        if weight:
            halves.append(sum((w * score for w, score in counted), Fraction(0)) / weight)
    return sum(halves, Fraction(0)) / len(halves) if halves else None


def _course(one: Presentation) -> Row:
    return {
        "course_id": oulad.course_id(one),
        "institution_id": identity("institution"),
    }


def _enrolled(row: Row) -> Row:
    """Return a registration as it was before: who has withdrawn begins no attempt."""
    if row["enrollment_status"] == "withdrawn":
        return {**row, "enrollment_status": "active", "grade_letter": None}
    return {**row, "grade_letter": None}


def _result(row: Row) -> Row:
    """Return the final result: it is not computed from the assessments."""
    enrolled = {"enrollment_id": row["id"], "course_id": row["course_id"]}
    return {**enrolled, "override_label": row["grade_letter"]}


def _groups(one: Presentation) -> Iterator[Row]:
    for number, name in enumerate(GROUPS):
        yield {
            "id": identity("group", *one, name),
            "course_id": oulad.course_id(one),
            "name": name,
            "order_index": number,
            "weight": 50,
            "aggregation": "weights",
        }


def _assessments(folder: Path, chosen: Collection[Presentation]) -> Iterator[Row]:
    for number, line in enumerate(oulad.read(folder, "assessment")):
        one, kind = presentation_of(line), line["assessment_type"]
        if one not in chosen:
            continue
        due = None
        if line["date"]:
            due = oulad.day(one, line["date"]).replace(tzinfo=ZoneInfo("Europe/London"))
            due += timedelta(days=1)
        yield {
            **_course(one),
            "id": identity("assessment", line["id_assessment"]),
            "assessment_group_id": identity("group", *one, GROUPS[kind == "Exam"]),
            "title": f"{kind} {line['id_assessment']}",
            "kind": KINDS[kind],
            "order_index": number,
            "points_possible": 100,
            "weight": line["weight"],
            "due_at": due,
            "published_at": oulad.day(one, "-300"),
        }


def _attempts(folder: Path, chosen: Collection[Presentation]) -> Iterator[Row]:
    about = {
        line["id_assessment"]: presentation_of(line) for line in oulad.read(folder, "assessment")
    }
    for line in oulad.read(folder, "student_assessment"):
        assessment, student = line["id_assessment"], line["id_student"]
        one = about[assessment]
        if one not in chosen:
            continue
        at = oulad.day(one, line["date_submitted"]) + timedelta(hours=12)
        score = line["score"] or None
        yield {
            "id": identity("submission", assessment, student),
            "enrollment_id": oulad.enrollment_id(one, student),
            "assessment_id": identity("assessment", assessment),
            "status": "graded" if score else "submitted",
            "started_at": at,
            "submitted_at": at,
            "graded_at": at if score else None,
            "score": score,
        }
