"""Institutions with courses and learners, whose facts are drawn."""

import datetime as dt
import random
from typing import LiteralString, cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

Rows = list[DictRow]

LEVELS = {"struggling": 0, "developing": 1, "proficient": 2, "advanced": 3}
HANDED = ("completed", "reviewed")
TERM = {"name": "autumn", "starts": "2026-03-10", "ends": "2026-04-20"}


#: A day of a learner, which the rollup of events queues.
DAY: LiteralString = """
    WITH made AS (
        INSERT INTO learner_course_daily VALUES (%(course)s, %(user)s, %(day)s, %(events)s, 0,
            %(seconds)s, 0, %(hours)s, %(at)s, %(at)s)
    )
    INSERT INTO recalculations (kind, course_id, day) VALUES ('analytics', %(course)s, %(day)s)
"""

#: A session, of which it does the same.
SESSION: LiteralString = """
    WITH made AS (
        INSERT INTO learning_sessions (user_id, course_id, session_start, session_end,
            total_duration, active_duration, session_outcome)
        VALUES (%(user)s, %(course)s, %(at)s, %(at)s, 900, %(seconds)s,
            %(outcome)s::session_outcome)
    )
    INSERT INTO recalculations (kind, course_id, day)
    VALUES ('analytics', %(course)s, %(at)s::date)
"""

#: A learner completes a course, or leaves it.
END: LiteralString = """
    UPDATE enrollments SET enrollment_status = %(status)s::enrollment_status,
        completion_date = %(completed)s, withdrawn_at = %(withdrawn)s
    WHERE id = %(id)s
"""


class Campus:
    """Institutions with courses and learners, whose facts are drawn; nothing is committed."""

    def __init__(self, conn: psycopg.Connection[DictRow], seed: int, start: dt.datetime) -> None:
        """Make it.

        Args:
            conn: The connection.
            seed: What the facts are drawn from.
            start: The facts lie in the 40 days from then on.
        """
        self.conn = conn
        self.draw = random.Random(seed)  # noqa: S311  nothing secret
        self.start = start
        self.changes: list[tuple[LiteralString, dict[str, object]]] = []
        self.courses: list[UUID] = []
        for number, zone in enumerate(("Asia/Kolkata", "America/New_York", "Nowhere/Such")):
            self._institution(number, zone)

    def insert(self, table: LiteralString, **values: object) -> UUID:
        """Insert a row; return its id."""
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        )
        row = self.conn.execute(statement, values).fetchone()
        assert row is not None
        return cast("UUID", row["id"])

    def rows(self, table: LiteralString) -> Rows:
        """Return a table."""
        return self.conn.execute(
            sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        ).fetchall()

    def at(self, days: int = 40) -> dt.datetime:
        """Return some time."""
        return self.start + dt.timedelta(minutes=self.draw.randrange(days * 1440))

    def _institution(self, number: int, zone: str) -> None:
        institution = self.insert(
            "institutions",
            name="I",
            domain=f"{number}.example",
            education_level="k12",
            timezone=zone,
            academic_calendar=Jsonb({"terms": [TERM, {"name": "broken"}, 7]}),
        )
        users = [
            self.insert(
                "users",
                institution_id=institution,
                email=f"{number}-{n}",
                username=f"{number}-{n}",
                role="student",
            )
            for n in range(7)
        ]
        for course in range(3):
            self._course(institution, users, subject="ab"[course % 2], term=course)

    def _course(self, institution: UUID, users: list[UUID], subject: str, term: int) -> None:
        course = self.insert(
            "courses",
            institution_id=institution,
            title="C",
            description="",
            subject_area=subject,
            difficulty_level="beginner",
            academic_term=("autumn", "broken", None)[term],
        )
        self.courses.append(course)
        sections = []
        for order in range(2 if term < 2 else 0):
            lesson = self.insert("lessons", course_id=course, title="L", order_index=order)
            sections += [
                self.insert(
                    "sections",
                    lesson_id=lesson,
                    title="S",
                    content="",
                    section_type="content",
                    order_index=n,
                    interaction_type=self.draw.choice(["read", "watch", "quiz"]),
                )
                for n in range(4)
            ]
        for user in users:
            enrolled = self.at(20)
            enrollment = self.insert(
                "enrollments", user_id=user, course_id=course, enrolled_at=enrolled
            )
            self._learner(course, user, enrollment, enrolled, sections)

    def _learner(
        self, course: UUID, user: UUID, enrollment: UUID, at: dt.datetime, sections: list[UUID]
    ) -> None:
        draw = self.draw
        for section in draw.sample(sections, draw.randrange(len(sections) + 1)):
            begun, done = sorted((self.at(), self.at()))
            status = draw.choice(["not_started", "in_progress", *HANDED])
            self.insert(
                "section_progress",
                user_id=user,
                section_id=section,
                enrollment_id=enrollment,
                started_at=begun,
                completed_at=done if status in HANDED else None,
                last_accessed_at=done,
                completion_status=status,
                mastery_level=draw.choice([*LEVELS, None]),
                time_spent=draw.randrange(900),
                interaction_count=draw.randrange(9),
                revisit_count=draw.randrange(3),
            )
        for day in draw.sample(range(40), draw.randrange(6)):
            self.changes.append(self._day(course, user, day))
            begun = self.at()
            session: dict[str, object] = {
                "course": course,
                "user": user,
                "at": begun,
                "seconds": draw.randrange(900),
                "outcome": draw.choice(["completed", "abandoned"]),
            }
            self.changes.append((SESSION, session))
        after = at + dt.timedelta(minutes=draw.randrange(30000))
        for status, column in (("completed", "completion_date"), ("withdrawn", "withdrawn_at")):
            if draw.random() < 0.25:
                times = {
                    "completed": after if column == "completion_date" else None,
                    "withdrawn": after if column == "withdrawn_at" else None,
                }
                self.changes.append((END, {"id": enrollment, "status": status, **times}))
                break

    def _day(self, course: UUID, user: UUID, day: int) -> tuple[LiteralString, dict[str, object]]:
        """Return what inserts a day of a learner, and queues it as the rollup of events does."""
        at = self.start + dt.timedelta(days=day, hours=12)
        hours = [self.draw.choice([None, None, 1, 2]) for _ in range(24)]
        hours[self.draw.randrange(24)] = 3
        values: dict[str, object] = {
            "course": course,
            "user": user,
            "day": at.date(),
            "at": at,
            "events": sum(filter(None, hours)),
            "seconds": self.draw.randrange(5000),
            "hours": hours,
        }
        return DAY, values
