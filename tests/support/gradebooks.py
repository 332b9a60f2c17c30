"""A course with a gradebook and learners, in the transaction of a test."""

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, LiteralString, cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

_NUMBERS = itertools.count(1)

#: What the learner sees, and what the staff does.
FOUR = (
    "current_percentage",
    "final_percentage",
    "staff_current_percentage",
    "staff_final_percentage",
)


class Gradebook:
    """A course of an institution of its own, with one learner.

    Attributes:
        conn: The connection; nothing is committed here.
        institution: Its id, as the others.
    """

    def __init__(
        self,
        conn: psycopg.Connection[DictRow],
        *,
        zone: str = "UTC",
        levels: Mapping[str, object] | None = None,
        **rules: object,
    ) -> None:
        """Make the course, with a scheme of these levels, and the rules of its gradebook."""
        self.conn = conn
        self.institution = self.insert(
            "institutions", name="I", domain=f"d{self.number}", education_level="k12", timezone=zone
        )
        self.teacher = self.user("instructor")
        self.course = self.insert(
            "courses",
            institution_id=self.institution,
            title="C",
            description="",
            subject_area="s",
            difficulty_level="beginner",
        )
        scheme = None
        if levels:
            scheme = self.insert("grading_schemes", institution_id=self.institution, name="S")
            for label, low in levels.items():
                self.insert(
                    "grading_scheme_levels",
                    grading_scheme_id=scheme,
                    label=label,
                    min_percentage=low,
                )
        self.insert(
            "gradebooks",
            course_id=self.course,
            institution_id=self.institution,
            grading_scheme_id=scheme,
            **rules,
        )
        self.learner = self.enrol()

    @property
    def number(self) -> int:
        """Another number each time."""
        return next(_NUMBERS)

    def insert(self, table: LiteralString, **values: object) -> UUID:
        """Insert a row; return its id."""
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        return cast("UUID", self.value(statement, *values.values()))

    def value(self, statement: LiteralString | bytes | sql.Composed, *values: object) -> Any:  # noqa: ANN401  whatever is asked for
        """Return the first value of the first row."""
        row = self.conn.execute(statement, values).fetchone()
        assert row is not None
        return next(iter(row.values()))

    def user(self, role: str = "student") -> UUID:
        """Insert a user."""
        name = f"u{self.number}"
        return self.insert(
            "users", institution_id=self.institution, email=name, username=name, role=role
        )

    def enrol(self) -> UUID:
        """Enrol another learner."""
        return self.insert(
            "enrollments", user_id=self.user(), course_id=self.course, enrolled_at="2000-01-01"
        )

    def group(self, **values: object) -> UUID:
        """Insert a group of assessments."""
        number = self.number
        given = {"course_id": self.course, "name": f"g{number}", "order_index": number} | values
        return self.insert("assessment_groups", **given)

    def assessment(self, group: UUID | None, points: object, **values: object) -> UUID:
        """Insert an assessment that is published and takes any number of attempts."""
        number = self.number
        given = {
            "course_id": self.course,
            "institution_id": self.institution,
            "assessment_group_id": group,
            "title": f"a{number}",
            "kind": "quiz",
            "points_possible": points,
            "order_index": number,
            "published_at": "2000-01-01",
            "attempts_allowed": None,
        }
        return self.insert("assessments", **(given | values))

    def graded(self, group: UUID | None, points: object, score: object, **values: object) -> UUID:
        """Insert an assessment, with the learner's score as a person enters it."""
        made = self.assessment(group, points, **values)
        self.grade(made, score)
        return made

    def grade(self, assessment: UUID, score: object, **values: object) -> UUID:
        """Enter the learner's score."""
        given = {"enrollment_id": self.learner, "assessment_id": assessment}
        return self.insert("grades", **(given | {"override_score": score} | values))

    def policy(self, **values: object) -> UUID:
        """Insert a late policy."""
        return self.insert("late_policies", course_id=self.course, name=f"l{self.number}", **values)

    def attempt(self, assessment: UUID, score: object, submitted: str = "2000-01-03Z") -> UUID:
        """Hand in an attempt; without a score, it waits to be graded."""
        made = self.insert(
            "assessment_attempts",
            enrollment_id=self.learner,
            assessment_id=assessment,
            started_at="2000-01-02Z",
        )
        self.conn.execute(
            "UPDATE assessment_attempts SET submitted_at = %s, score = %s, status = %s"
            " WHERE id = %s",
            [submitted, score, "submitted" if score is None else "graded", made],
        )
        return made

    def total(self, period: UUID | None = None, at: str = "2030-01-01Z") -> DictRow:
        """Return the learner's grade of the course, or of a period, as computed for a time."""
        self.conn.execute("SELECT recalculate_course(%s)", [self.course])
        row = self.conn.execute(
            "SELECT * FROM compute_course_grades(%s, at => %s)"
            " WHERE enrollment_id = %s AND grading_period_id IS NOT DISTINCT FROM %s",
            [self.course, at, self.learner, period],
        ).fetchone()
        assert row is not None
        return row

    def current(self, period: UUID | None = None) -> Decimal | None:
        """Return the learner's current percentage."""
        return cast("Decimal | None", self.total(period)["current_percentage"])

    def both(self, at: str = "2030-01-01Z") -> tuple[Decimal | None, Decimal | None]:
        """Return the learner's current and final percentage."""
        row = self.total(at=at)
        return row["current_percentage"], row["final_percentage"]

    def four(self) -> list[Decimal | None]:
        """Return what the learner sees, then what the staff does."""
        row = self.total()
        return [row[name] for name in FOUR]

    def quiz(self, items: int = 2) -> tuple[UUID, UUID, UUID, list[UUID]]:
        """Insert a quiz of one question; return assessment, question version, version, items."""
        made = self.assessment(self.group(), items)
        question = self.insert("questions", institution_id=self.institution, name="Q")
        asked = self.insert(
            "question_versions",
            question_id=question,
            institution_id=self.institution,
            version=1,
            question_type="choice",
            body="{}",
            answer_key='{"right": 1}',
        )
        version = self.insert(
            "assessment_versions", assessment_id=made, institution_id=self.institution, version=1
        )
        listed = [
            self.insert(
                "assessment_items",
                assessment_version_id=version,
                institution_id=self.institution,
                question_version_id=asked,
                order_index=number,
                points=1,
            )
            for number in range(items)
        ]
        return made, asked, version, listed

    def publish(self, version: UUID) -> None:
        """Publish a form of an assessment."""
        self.conn.execute(
            "UPDATE assessment_versions SET published_at = now() WHERE id = %s", [version]
        )
