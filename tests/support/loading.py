"""What tests of ``lmsschema load`` share: statements, and what a load leaves."""

import json
from pathlib import Path
from typing import Any, LiteralString
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

Statement = dict[str, Any]

#: Always the same, so that what two databases hold can be compared.
INSTITUTION = uuid5(NAMESPACE_URL, "urn:lmsschema:test")
DOMAIN = "uni.example"

COURSE = "https://uni.example/courses/statics"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"

#: What a load leaves, without when it was done and where from.
LEFT: dict[str, LiteralString] = {
    "events": "SELECT id, user_id, course_id, lesson_id, section_id, event_type, event_category,"
    " event_action, learning_context, event_data, session_id, event_timestamp"
    " FROM learning_events",
    "voided": "SELECT id, user_id, course_id, lesson_id, section_id, event_type, event_category,"
    " event_action, learning_context, event_data, session_id, event_timestamp"
    " FROM voided_events",
    "voidings": "SELECT institution_id, statement_id, voided_by FROM event_voidings",
    "rejects": "SELECT institution_id, digest, reason, detail, raw, length, state, tries"
    " FROM rejected_records",
    "people": "SELECT institution_id, kind, key, target FROM external_ids",
    "users": "SELECT id, institution_id, email, username, role FROM users",
    "misplaced": "SELECT id FROM learning_events_default",
}


def institution(conn: psycopg.Connection) -> None:
    """Make the institution whose records are loaded."""
    conn.execute(
        "INSERT INTO institutions (id, name, domain, education_level)"
        " VALUES (%s, 'University', %s, 'higher_ed')",
        (INSTITUTION, DOMAIN),
    )


def left(conn: psycopg.Connection) -> dict[str, str | None]:
    """Return the md5 of all that a load leaves."""
    found: dict[str, str | None] = {}
    for what, query in LEFT.items():
        row = conn.execute(
            "SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM (" + query + ") AS t"  # noqa: S608  our own
        ).fetchone()
        assert row is not None
        found[what] = row[0]
    return found


def clear(conn: psycopg.Connection) -> None:
    """Undo all loads."""
    conn.execute(
        "TRUNCATE learning_events, voided_events, learning_sessions, event_voidings,"
        " rejected_records, load_sources, external_ids, users, courses CASCADE"
    )


def uuid(number: int) -> UUID:
    """Return the id of a statement."""
    return uuid5(NAMESPACE_URL, f"urn:statement:{number}")


def statement(number: int, **changes: object) -> Statement:
    """Return a statement: of one of three learners, in one of five sessions, on one of four pages.

    Args:
        number: Which one.
        changes: What is else in it; None: what is left out.
    """
    verb = "experienced" if number % 4 else "completed"
    made: Statement = {
        "id": str(uuid(number)),
        "actor": {"account": {"homePage": "https://uni.example", "name": f"learner{number % 3}"}},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {
            "id": f"{COURSE}/pages/{number % 4}",
            "definition": {"name": {"en": f"Page {number % 4}"}},
        },
        "context": {
            "registration": str(uuid(1000 + number % 5 * 3 + number % 3)),
            "contextActivities": {
                "grouping": [
                    {
                        "id": COURSE,
                        "definition": {
                            "type": "http://adlnet.gov/expapi/activities/course",
                            "name": {"en": "Statics"},
                        },
                    }
                ]
            },
        },
        "result": {"duration": "PT1M30.5S", "score": {"scaled": 0.5}},
        "timestamp": f"2024-{number % 2 + 3:02}-{number % 27 + 1:02}T10:{number % 60:02}:00Z",
    }
    made |= changes
    return {key: value for key, value in made.items() if value is not None}


def voiding(number: int, target: int) -> Statement:
    """Return a statement that voids another one."""
    return statement(
        number,
        verb={"id": VOIDED},
        object={"objectType": "StatementRef", "id": str(uuid(target))},
        context=None,
        result=None,
    )


def line(what: Statement | bytes) -> bytes:
    """Return a statement as a line."""
    return what if isinstance(what, bytes) else json.dumps(what).encode()


def write(path: Path, *lines: Statement | bytes) -> Path:
    """Write lines to a file."""
    path.write_bytes(b"".join(line(one) + b"\n" for one in lines))
    return path
