"""The Open University Learning Analytics Dataset as rows of the schema's tables.

| data | row |
|---|---|
| module presentation (`course`) | `courses`; `academic_term` is the presentation, such as 2013J |
| student, whatever the registrations | `users`; what varies by presentation is no profile |
| registration, final result | `enrollments`; the result is status and letter, see `RESULTS` |
| kind of material | `lessons`: a presentation's assessments, and each VLE activity type |
| assessment, VLE site | `sections` of that lesson |
| assessment handed in | `learning_events`; no sessions are known: each is its own |

Days count from the start of a presentation and are taken as midnight UTC. What the data does not
have (a subject, a difficulty) is said to be unknown, or has the level in the middle.
"""

import csv
import functools
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

Row = dict[str, object]
Presentation = tuple[str, str]

NAMESPACE = uuid5(NAMESPACE_URL, "https://analyse.kmi.open.ac.uk/open_dataset")

START_MONTHS = {"B": 2, "J": 10}

RESULTS = {
    "Pass": ("completed", "P"),
    "Distinction": ("completed", "D"),
    "Fail": ("completed", "F"),  # the student stayed to the end of the presentation
    "Withdrawn": ("withdrawn", "W"),
}

ASSESSMENTS = "assessments"  # the lesson of a presentation's assessments

INTERACTIONS = {
    "dataplus": "practice",
    "dualpane": "read",
    "externalquiz": "quiz",
    "folder": "read",
    "forumng": "discussion",
    "glossary": "read",
    "homepage": "read",
    "htmlactivity": "practice",
    "oucollaborate": "discussion",
    "oucontent": "read",
    "ouelluminate": "discussion",
    "ouwiki": "practice",
    "page": "read",
    "questionnaire": "practice",
    "quiz": "quiz",
    "repeatactivity": "practice",
    "resource": "read",
    "sharedsubpage": "read",
    "subpage": "read",
    "url": "read",
}

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


def users(folder: Path) -> Iterator[Row]:
    seen = set()
    for line in read(folder, "student"):
        student = line["id_student"]
        if student in seen:
            continue
        seen.add(student)
        profile = ("gender", "region", "highest_education", "imd_band")
        yield {
            "id": identity("student", student),
            "institution_id": identity("institution"),
            "email": f"{student}@oulad.invalid",
            "username": f"oulad-{student}",
            "role": "student",
            "profile": {key: line[key] for key in profile},
            "accessibility_needs": {"disability": line["disability"] == "True"},
        }


def courses(folder: Path) -> Iterator[Row]:
    for line in read(folder, "course"):
        presentation = presentation_of(line)
        module, term = presentation
        yield {
            "id": identity("presentation", *presentation),
            "institution_id": identity("institution"),
            "title": f"Module {module}, presentation {term}",
            "description": f"Begins on {start(presentation):%d %B %Y}, "
            f"takes {line['module_presentation_length']} days.",
            "subject_area": "unknown",
            "difficulty_level": "intermediate",
            "academic_term": term,
            "course_code": module,
            "status": "archived",
        }


def lessons(folder: Path) -> Iterator[Row]:
    kinds = {(*presentation_of(line), ASSESSMENTS): None for line in read(folder, "course")}
    kinds |= {(*presentation_of(line), line["activity_type"]): None for line in read(folder, "vle")}
    numbers: dict[Presentation, int] = {}
    for module, term, kind in kinds:
        number = numbers[module, term] = numbers.get((module, term), 0) + 1
        yield {
            "id": identity("lesson", module, term, kind),
            "course_id": identity("presentation", module, term),
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
        lesson = identity("lesson", *presentation_of(line), activity)
        number = numbers[lesson] = numbers.get(lesson, 0) + 1
        weeks = f"Weeks {line['week_from']} to {line['week_to']}." if line["week_from"] else ""
        yield {
            "id": identity("site", line["id_site"]),
            "lesson_id": lesson,
            "title": f"{activity} {line['id_site']}",
            "content": weeks,
            "section_type": SECTION_TYPES[INTERACTIONS[activity]],
            "order_index": number,
            "interaction_type": INTERACTIONS[activity],
        }


def enrollments(folder: Path) -> Iterator[Row]:
    registrations = {
        (*presentation_of(line), line["id_student"]): line
        for line in read(folder, "student_registration")
    }
    lengths = {
        presentation_of(line): line["module_presentation_length"] for line in read(folder, "course")
    }
    for line in read(folder, "student"):
        presentation, student = presentation_of(line), line["id_student"]
        registration = registrations[*presentation, student]
        status, letter = RESULTS[line["final_result"]]
        left = registration["date_unregistration"]
        background = ("age_band", "num_of_prev_attempts", "studied_credits")
        yield {
            "id": identity("registration", *presentation, student),
            "user_id": identity("student", student),
            "course_id": identity("presentation", *presentation),
            "enrolled_at": day(presentation, registration["date_registration"] or "0"),
            "completion_date": day(presentation, lengths[presentation])
            if status == "completed"
            else None,
            "enrollment_status": status,
            "grade_letter": letter,
            "initial_assessment": {key: line[key] for key in background},
            "learning_path": {"left_on_day": int(left)} if left else {},
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
            "user_id": identity("student", student),
            "course_id": identity("presentation", *presentation),
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


def presentation_of(line: dict[str, str]) -> Presentation:
    return line["code_module"], line["code_presentation"]


def start(presentation: Presentation) -> datetime:
    _, term = presentation
    return datetime(int(term[:4]), START_MONTHS[term[4:]], 1, tzinfo=UTC)


def day(presentation: Presentation, number: str) -> datetime:
    return start(presentation) + timedelta(days=int(number))


def read(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
