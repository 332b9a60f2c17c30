"""The video statements of a MOOC platform (xAPI) as rows of the schema's tables.

| data | row |
|---|---|
| actor | `users`, all of them students |
| parent activity | `courses`, each with one lesson, "Videos" |
| object | `sections`: a video |
| session id, and its statements' span | `learning_sessions` |
| statement | `learning_events`; the verb is type and action, what it says of itself is JSON |
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

Row = dict[str, object]
Statement = dict[str, Any]

NAMESPACE = uuid5(NAMESPACE_URL, "https://www.fun-mooc.fr")

SESSION = "https://w3id.org/xapi/video/extensions/session-id"

CATEGORIES = {
    "completed": "progress",
    "downloaded": "interaction",
    "initialized": "navigation",
    "interacted": "interaction",
    "paused": "interaction",
    "played": "interaction",
    "seeked": "interaction",
    "terminated": "navigation",
}


def tables(folder: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the names of the tables with their rows, the referenced before the referring.

    Args:
        folder: The folder of the gzipped statements, one a line.
    """
    with gzip.open(folder / "video_statements.jsonl.gz", "rt", encoding="utf-8") as file:
        statements = [json.loads(line) for line in file]
    yield "institutions", iter([institution()])
    yield "users", users(statements)
    yield "courses", courses(statements)
    yield "lessons", lessons(statements)
    yield "sections", sections(statements)
    yield "learning_sessions", sessions(statements)
    yield "learning_events", events(statements)


def institution() -> Row:
    return {
        "id": identity("institution"),
        "name": "FUN MOOC",
        "domain": "fun-mooc.invalid",
        "education_level": "continuing_ed",
        "timezone": "Europe/Paris",
    }


def users(statements: Iterable[Statement]) -> Iterator[Row]:
    for name in unique(actor(statement) for statement in statements):
        yield {
            "id": identity("actor", name),
            "institution_id": identity("institution"),
            "email": f"{name}@fun-mooc.invalid",
            "username": name,
            "role": "student",
        }


def courses(statements: Iterable[Statement]) -> Iterator[Row]:
    for name in unique(course(statement) for statement in statements):
        yield {
            "id": identity("course", name),
            "institution_id": identity("institution"),
            "title": name,
            "description": "An online course with videos.",
            "subject_area": "unknown",
            "difficulty_level": "intermediate",
            "status": "published",
            "visibility": "public",
        }


def lessons(statements: Iterable[Statement]) -> Iterator[Row]:
    for name in unique(course(statement) for statement in statements):
        yield {
            "id": identity("lesson", name),
            "course_id": identity("course", name),
            "title": "Videos",
            "order_index": 1,
            "content_type": "video",
        }


def sections(statements: Iterable[Statement]) -> Iterator[Row]:
    titles = {
        (course(statement), video(statement)): statement["object"]["definition"]["name"]["en-US"]
        for statement in statements
    }
    for number, ((in_course, name), title) in enumerate(titles.items(), start=1):
        yield {
            "id": identity("video", name),
            "lesson_id": identity("lesson", in_course),
            "title": title,
            "content": name,
            "section_type": "content",
            "order_index": number,
            "interaction_type": "watch",
        }


def sessions(statements: Iterable[Statement]) -> Iterator[Row]:
    by_session: dict[UUID, list[Statement]] = {}
    for statement in statements:
        by_session.setdefault(session(statement), []).append(statement)
    for key, members in by_session.items():
        times = [instant(member) for member in members]
        first, last = min(times), max(times)
        done = any(verb(member) == "terminated" for member in members)
        yield {
            "id": key,
            "user_id": identity("actor", actor(members[0])),
            "course_id": identity("course", course(members[0])),
            "session_start": first,
            "session_end": last,
            "total_duration": int((last - first).total_seconds()),
            "interactions_count": len(members),
            "session_outcome": "completed" if done else "interrupted",
        }


def events(statements: Iterable[Statement]) -> Iterator[Row]:
    for statement in statements:
        yield {
            "id": UUID(statement["id"]),
            "user_id": identity("actor", actor(statement)),
            "course_id": identity("course", course(statement)),
            "lesson_id": identity("lesson", course(statement)),
            "section_id": identity("video", video(statement)),
            "event_type": verb(statement),
            "event_category": CATEGORIES[verb(statement)],
            "event_action": statement["verb"]["id"],
            "learning_context": statement["context"]["extensions"],
            "event_data": statement.get("result", {}).get("extensions", {}),
            "session_id": session(statement),
            "event_timestamp": instant(statement),
        }


def identity(*names: str) -> UUID:
    return uuid5(NAMESPACE, "/".join(names))


def actor(statement: Statement) -> str:
    return str(statement["actor"]["account"]["name"])


def course(statement: Statement) -> str:
    return str(statement["context"]["contextActivities"]["parent"][0]["id"])


def video(statement: Statement) -> str:
    return str(statement["object"]["id"])


def session(statement: Statement) -> UUID:
    return UUID(statement["context"]["extensions"][SESSION])


def verb(statement: Statement) -> str:
    return str(statement["verb"]["id"]).rsplit("/", 1)[1]


def instant(statement: Statement) -> datetime:
    return datetime.fromisoformat(statement["timestamp"])


def unique(names: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(names)
