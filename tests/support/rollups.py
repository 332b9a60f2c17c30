"""What tests of rollups share: learners and events, and what is computed, also in plain Python."""

import datetime as dt
import itertools
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

IDLE = dt.timedelta(minutes=10)
DAY = dt.timedelta(days=1)
INTERACTIONS = {"interaction", "assessment", "social"}

#: What the rollups write, without when they did.
WRITTEN: dict[str, LiteralString] = {
    "sessions": "SELECT id, user_id, course_id, session_start, session_end, total_duration,"
    " active_duration, lessons_accessed, sections_completed, interactions_count, engagement_score,"
    " learning_velocity, device_type, browser_type, session_outcome, exit_point"
    " FROM learning_sessions",
    "days": "SELECT * FROM learner_course_daily",
    "lessons": "SELECT user_id, lesson_id, enrollment_id, started_at, completed_at,"
    " last_accessed_at, sections_completed, total_sections, completion_percentage,"
    " total_time_spent, average_mastery_level, overall_confidence FROM lesson_progress",
    "enrollments": "SELECT id, progress_percentage, sections_completed, total_sections,"
    " lessons_completed, total_lessons, total_time_spent, last_accessed_at FROM enrollments",
}

#: All tables that hold rows of rollups, whole: what a run that has nothing to do leaves as it is.
WHOLE: dict[str, LiteralString] = {
    name: f"SELECT * FROM {name}"  # noqa: S608  our own
    for name in (
        "learning_sessions",
        "learner_course_daily",
        "lesson_progress",
        "enrollments",
        "recalculations",
        "section_progress",
        "learning_events",
        "users",
    )
}


def sums(
    conn: psycopg.Connection[Any], queries: dict[str, LiteralString] = WRITTEN
) -> dict[str, str | None]:
    """Return the md5 of what each query returns, in any order of rows."""
    found: dict[str, str | None] = {}
    for what, query in queries.items():
        row = conn.execute(
            sql.SQL(
                "SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS sum FROM ({}) AS t"
            ).format(sql.SQL(query))
        ).fetchone()
        assert row is not None
        found[what] = row["sum"] if isinstance(row, dict) else row[0]
    return found


def named(name: str) -> UUID:
    """Return an id that is always the same."""
    return uuid5(NAMESPACE_URL, f"urn:rollup:{name}")


class Site:
    """An institution with courses and learners, in the database of a connection.

    Args:
        conn: The connection.
        name: What its rows are named after.
        zone: The institution's time zone.
        learners: How many learners, who are all enrolled in all courses.
        courses: How many courses, each of two lessons of two sections.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        name: str = "a",
        zone: str = "UTC",
        *,
        learners: int = 1,
        courses: int = 1,
    ) -> None:
        self.conn = conn
        self.name = name
        self.institution = named(name)
        self.insert(
            "institutions",
            id=self.institution,
            name=name,
            domain=f"{name}.example",
            education_level="k12",
            timezone=zone,
        )
        self.learners = [self._learner(number) for number in range(learners)]
        self.courses = [self._course(number) for number in range(courses)]
        self.enrollments = [
            [self.enroll(learner, course) for learner in self.learners] for course in self.courses
        ]

    def insert(self, table: str, **values: object) -> None:
        """Insert a row."""
        self.conn.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.Placeholder, values)),
            ),
            values,
        )

    def enroll(self, learner: UUID, course: UUID) -> UUID:
        """Enroll a learner; return the enrollment."""
        key = named(f"{learner} {course}")
        self.insert(
            "enrollments", id=key, user_id=learner, course_id=course, enrolled_at="2019-01-01Z"
        )
        return key

    def section(self, number: int, course: int = 0) -> UUID:
        """Return the id of one of the four sections of a course."""
        return named(f"{self.name} {course} {number // 2} {number % 2}")

    def lesson(self, number: int, course: int = 0) -> UUID:
        """Return the id of one of the two lessons of a course."""
        return named(f"{self.name} {course} {number}")

    def event(self, at: object, session: str = "s", **changes: object) -> UUID:
        """Insert an event of the first learner in the first course; return its id."""
        key = named(f"event {self.name} {at} {session} {changes}")
        values = {
            "id": key,
            "user_id": self.learners[0],
            "course_id": self.courses[0],
            "event_type": "page",
            "event_category": "interaction",
            "event_action": "viewed",
            "session_id": named(session),
            "event_timestamp": at,
        }
        self.insert("learning_events", **(values | changes))
        return key

    def progress(self, section: int, **changes: object) -> None:
        """Insert the first learner's progress in a section of the first course: completed."""
        values = {
            "user_id": self.learners[0],
            "section_id": self.section(section),
            "enrollment_id": self.enrollments[0][0],
            "started_at": "2019-01-01Z",
            "completed_at": "2019-01-02Z",
            "last_accessed_at": "2019-01-02Z",
            "completion_status": "completed",
            "mastery_level": "proficient",
            "time_spent": 90,
        }
        self.insert("section_progress", **(values | changes))

    def _learner(self, number: int) -> UUID:
        key = named(f"{self.name} learner {number}")
        self.insert(
            "users",
            id=key,
            institution_id=self.institution,
            email=f"l{number}@{self.name}.example",
            username=f"{self.name} {number}",
            role="student",
        )
        return key

    def _course(self, number: int) -> UUID:
        course = named(f"{self.name} {number}" + " course")
        self.insert(
            "courses",
            id=course,
            institution_id=self.institution,
            title="c",
            description="",
            subject_area="s",
            difficulty_level="beginner",
        )
        for place in range(2):
            lesson = self.lesson(place, number)
            self.insert("lessons", id=lesson, course_id=course, title="l", order_index=place)
            for order in range(2):
                self.insert(
                    "sections",
                    id=self.section(2 * place + order, number),
                    lesson_id=lesson,
                    title="s",
                    content="",
                    section_type="content",
                    order_index=order,
                    interaction_type="read",
                )
        return course


def days_in_python(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return what learner_course_daily is to hold, computed from all events in plain Python."""
    found: dict[tuple[UUID, UUID, dt.date], list[Any]] = defaultdict(list)
    gaps: Counter[tuple[UUID, UUID, dt.date]] = Counter()
    for events in _sessions(conn):
        for number, event in enumerate(events):
            key = (event["course_id"], event["user_id"], _local(event).date())
            found[key].append(event)
            later = [one for one in events[number + 1 :] if one["user_id"] == event["user_id"]]
            if later and later[0]["at"] - event["at"] <= IDLE:
                gaps[key] += (later[0]["at"] - event["at"]) // dt.timedelta(microseconds=1)
    rows = []
    for key, events in found.items():
        if key[0] is None:
            continue
        hours = Counter(_local(one).hour for one in events)
        rows.append(
            (
                *key,
                len(events),
                sum(
                    one["event_category"] in {"interaction", "assessment", "social"}
                    for one in events
                ),
                gaps[key] // 1_000_000,
                len({one["section_id"] for one in events if _is_completion(one)}),
                [hours[hour] or None for hour in range(24)],
                min(one["at"] for one in events),
                max(one["at"] for one in events),
            )
        )
    return sorted(rows, key=str)


def sessions_in_python(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return what learning_sessions is to hold, without what is as it is in one event."""
    rows = []
    for events in _sessions(conn):
        first = events[0]
        own = [
            one
            for one in events
            if one["user_id"] == first["user_id"] and one["at"] <= first["at"] + DAY
        ]
        courses = Counter(str(one["course_id"]) for one in own if one["course_id"])
        pauses = [b["at"] - a["at"] for a, b in itertools.pairwise(own)]
        active = sum((one for one in pauses if one <= IDLE), dt.timedelta())
        interactions = sum(one["event_category"] in INTERACTIONS for one in own)
        outcome = "interrupted" if interactions else "abandoned"
        if any(_is_completion(one) or _is_end(one) for one in own):
            outcome = "completed"
        rows.append(
            (
                first["session_id"],
                first["user_id"],
                min(courses, key=lambda course: (-courses[course], course)) if courses else None,
                first["at"],
                own[-1]["at"],
                (own[-1]["at"] - first["at"]) // dt.timedelta(seconds=1),
                active // dt.timedelta(seconds=1),
                len({one["lesson_id"] for one in own} - {None}),
                len({one["section_id"] for one in own if _is_completion(one)}),
                interactions,
                outcome,
            )
        )
    return sorted(rows, key=str)


def _sessions(conn: psycopg.Connection[Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the events of users of each session, in the order of their times."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT e.*, e.event_timestamp AS at, i.timezone FROM learning_events AS e"
            " INNER JOIN users AS u ON e.user_id = u.id"
            " INNER JOIN institutions AS i ON u.institution_id = i.id"
            " ORDER BY e.event_timestamp, e.id"
        )
        for event in cursor:
            found[event["session_id"]].append(event)
    yield from found.values()


def _local(event: dict[str, Any]) -> dt.datetime:
    """Return when it happened by the institution's clock."""
    at: dt.datetime = event["at"]
    try:
        return at.astimezone(zoneinfo.ZoneInfo(event["timezone"]))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return at.astimezone(dt.UTC)


def _is_end(event: dict[str, Any]) -> bool:
    is_handed_in = event["event_category"] == "assessment" and event["event_action"] == "submitted"
    return is_handed_in or bool(event["event_type"] == "terminated")


def _is_completion(event: dict[str, Any]) -> bool:
    is_one = event["event_category"] == "progress" and event["event_action"] == "completed"
    return is_one and event["section_id"] is not None
