"""The Open University Learning Analytics Dataset as rows of the schema's tables.

| data | row |
|---|---|
| module presentation (`course`) | `courses`; `academic_term` is the presentation, such as 2013J |
| student, whatever the registrations | `users`; what varies by presentation is no profile |
| registration, final result | `enrollments`; the result is status and letter |
| kind of material | `lessons`: a presentation's assessments, and each VLE activity type |
| assessment, VLE site | `sections` of that lesson |
| assessment handed in | `learning_events`; no sessions are known: each is its own |

Users, courses and enrollments are what ``lmsschema load oulad`` reads. Days count from the start
of a presentation and are taken as midnight UTC. What the data does not have (a subject, a
difficulty) is said to be unknown, or has the level in the middle.
"""

import csv
import functools
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from lmsschema.load import csv_rows, oulad, source

Row = dict[str, object]
Presentation = tuple[str, str]

NAMESPACE = uuid5(NAMESPACE_URL, "https://analyse.kmi.open.ac.uk/open_dataset")

ASSESSMENTS = "assessments"  # the lesson of a presentation's assessments

SECTION_TYPES = {
    "read": "content",
    "practice": "activity",
    "discussion": "activity",
    "quiz": "assessment",
}


def tables(folder: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the names of the tables with their rows, the referenced before the referring.

    Args:
        folder: The dataset's folder of gzipped CSV files.
    """
    yield "institutions", iter([institution()])
    yield "users", users(folder)
    yield "courses", courses(folder)
    yield "lessons", lessons(folder)
    yield "sections", sections(folder)
    yield "enrollments", enrollments(folder)
    yield "learning_events", events(folder)


def institution() -> Row:
    return {
        "id": identity("institution"),
        "name": "The Open University",
        "domain": "oulad.invalid",
        "education_level": "higher_ed",
        "timezone": "Europe/London",
    }


def entries(folder: Path, kind: str) -> Iterator[tuple[UUID, dict[str, Any]]]:
    """Yield what the loader reads of a kind, with an identity and the columns' values."""
    form = oulad.OuladFormat(
        oulad.find(source.find([str(folder)])), "oulad", datetime(2026, 1, 1, tzinfo=UTC)
    )
    for file, what, required in form.files:
        for _, fields in csv_rows.rows(what, 1 << 20, required):
            assert isinstance(fields, dict), fields
            for entry in form.read(file, fields):
                if entry.kind == kind:
                    yield identity(entry.key), dict(entry.data)


def users(folder: Path) -> Iterator[Row]:
    for own, data in entries(folder, "user"):
        yield {
            "id": own,
            "institution_id": identity("institution"),
            "accessibility_needs": data.pop("needs"),
            **data,
        }


def courses(folder: Path) -> Iterator[Row]:
    for own, data in entries(folder, "course"):
        yield {
            "id": own,
            "institution_id": identity("institution"),
            "subject_area": "unknown",
            "difficulty_level": "intermediate",
            "academic_term": data.pop("term"),
            "course_code": data.pop("code"),
            **data,
        }


def lessons(folder: Path) -> Iterator[Row]:
    kinds = {(*presentation_of(line), ASSESSMENTS): None for line in read(folder, "course")}
    kinds |= {(*presentation_of(line), line["activity_type"]): None for line in read(folder, "vle")}
    numbers: dict[Presentation, int] = {}
    for module, term, kind in kinds:
        number = numbers[module, term] = numbers.get((module, term), 0) + 1
        yield {
            "id": identity("lesson", module, term, kind),
            "course_id": course_id((module, term)),
            "title": kind,
            "order_index": number,
            "has_assessment": kind == ASSESSMENTS,
        }


def sections(folder: Path) -> Iterator[Row]:
    numbers: dict[UUID, int] = {}
    for line in read(folder, "assessment"):
        lesson = identity("lesson", *presentation_of(line), ASSESSMENTS)
        number = numbers[lesson] = numbers.get(lesson, 0) + 1
        due = f"on day {line['date']}" if line["date"] else "at the end"
        yield {
            "id": identity("assessment", line["id_assessment"]),
            "lesson_id": lesson,
            "title": f"{line['assessment_type']} {line['id_assessment']}",
            "content": f"Due {due}, with a weight of {line['weight']} %.",
            "section_type": "assessment",
            "order_index": number,
            "interaction_type": "quiz",
        }
    for line in read(folder, "vle"):
        activity = line["activity_type"]
        interaction = oulad.INTERACTIONS.get(activity, "read")
        lesson = identity("lesson", *presentation_of(line), activity)
        number = numbers[lesson] = numbers.get(lesson, 0) + 1
        weeks = f"Weeks {line['week_from']} to {line['week_to']}." if line["week_from"] else ""
        yield {
            "id": identity("site", line["id_site"]),
            "lesson_id": lesson,
            "title": f"{activity} {line['id_site']}",
            "content": weeks,
            "section_type": SECTION_TYPES[interaction],
            "order_index": number,
            "interaction_type": interaction,
        }


def enrollments(folder: Path) -> Iterator[Row]:
    for own, data in entries(folder, "enrollment"):
        yield {
            "id": own,
            "user_id": identity(data["user"]),
            "course_id": identity(data["course"]),
            "enrolled_at": datetime.fromisoformat(data["at"]),
            "completion_date": data["completed"] and datetime.fromisoformat(data["completed"]),
            "enrollment_status": data["status"],
            "grade_letter": data["letter"],
            "initial_assessment": data["initial"],
            "learning_path": data["path"],
        }


def events(folder: Path) -> Iterator[Row]:
    assessments = {line["id_assessment"]: line for line in read(folder, "assessment")}
    for line in read(folder, "student_assessment"):
        assessment, student = line["id_assessment"], line["id_student"]
        about = assessments[assessment]
        presentation = presentation_of(about)
        banked = line["is_banked"] == "True"
        submission = identity("submission", assessment, student)
        yield {
            "id": submission,
            "user_id": student_id(line["id_student"]),
            "course_id": course_id(presentation),
            "lesson_id": identity("lesson", *presentation, ASSESSMENTS),
            "section_id": identity("assessment", assessment),
            "event_type": about["assessment_type"],
            "event_category": "assessment",
            "event_action": "banked" if banked else "submitted",
            "learning_context": {"weight": float(about["weight"])},
            "event_data": {"score": int(line["score"]) if line["score"] else None},
            "session_id": submission,
            "event_timestamp": day(presentation, line["date_submitted"]),
        }


@functools.lru_cache(maxsize=2**16)
def identity(*names: str) -> UUID:
    return uuid5(NAMESPACE, "/".join(names))


def student_id(number: str) -> UUID:
    return identity(oulad.user_key(number))


def course_id(one: Presentation) -> UUID:
    return identity(oulad.course_key(*one))


def enrollment_id(one: Presentation, student: str) -> UUID:
    return identity(f"{oulad.user_key(student)}|{oulad.course_key(*one)}")


def presentation_of(line: dict[str, str]) -> Presentation:
    return line["code_module"], line["code_presentation"]


def day(presentation: Presentation, number: str) -> datetime:
    return oulad.day(presentation[1], int(number), datetime(2026, 1, 1, tzinfo=UTC))


def read(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
