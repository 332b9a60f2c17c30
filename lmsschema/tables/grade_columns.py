"""The columns of the tables of work and grades for type checkers, as in ``columns``."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, TypedColumns

from lmsschema.tables.grading_enums import (
    AttemptStatus,
    GradeChangeKind,
    GradeStatus,
    QuestionType,
    RecalculationKind,
)


class Questions(TypedColumns):
    """The columns of ``questions``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    course_id: Column[UUID | None]
    name: Column[str]
    tags: Column[list[Any]]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class QuestionVersions(TypedColumns):
    """The columns of ``question_versions``."""

    id: Column[UUID]
    question_id: Column[UUID]
    institution_id: Column[UUID]
    version: Column[int]
    question_type: Column[QuestionType]
    body: Column[dict[str, Any]]
    answer_key: Column[dict[str, Any]]
    points: Column[Decimal]
    created_at: Column[datetime]


class AssessmentVersions(TypedColumns):
    """The columns of ``assessment_versions``."""

    id: Column[UUID]
    assessment_id: Column[UUID]
    institution_id: Column[UUID]
    version: Column[int]
    pool_picks: Column[dict[str, Any]]
    published_at: Column[datetime | None]
    created_at: Column[datetime]


class AssessmentItems(TypedColumns):
    """The columns of ``assessment_items``."""

    id: Column[UUID]
    assessment_version_id: Column[UUID]
    institution_id: Column[UUID]
    question_version_id: Column[UUID]
    order_index: Column[int]
    points: Column[Decimal]
    pool: Column[str | None]
    regrade: Column[dict[str, Any]]


class AssessmentAttempts(TypedColumns):
    """The columns of ``assessment_attempts``."""

    id: Column[UUID]
    course_id: Column[UUID]
    enrollment_id: Column[UUID]
    assessment_id: Column[UUID]
    max_score: Column[Decimal]
    assessment_version_id: Column[UUID | None]
    attempt_number: Column[int]
    previous_number: Column[int | None]
    status: Column[AttemptStatus]
    started_at: Column[datetime]
    expires_at: Column[datetime | None]
    submitted_at: Column[datetime | None]
    content: Column[dict[str, Any]]
    score: Column[Decimal | None]
    graded_at: Column[datetime | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class ItemResponses(TypedColumns):
    """The columns of ``item_responses``."""

    id: Column[UUID]
    attempt_id: Column[UUID]
    assessment_version_id: Column[UUID]
    assessment_item_id: Column[UUID]
    response: Column[Any]
    score: Column[Decimal | None]
    feedback: Column[str | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class Rubrics(TypedColumns):
    """The columns of ``rubrics``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    course_id: Column[UUID | None]
    title: Column[str]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class RubricCriteria(TypedColumns):
    """The columns of ``rubric_criteria``."""

    id: Column[UUID]
    rubric_id: Column[UUID]
    order_index: Column[int]
    description: Column[str]
    points: Column[Decimal]
    levels: Column[list[Any]]


class Gradings(TypedColumns):
    """The columns of ``gradings``."""

    id: Column[UUID]
    attempt_id: Column[UUID]
    grader_id: Column[UUID | None]
    rubric_id: Column[UUID | None]
    is_final: Column[bool]
    score: Column[Decimal | None]
    feedback: Column[str | None]
    version: Column[int]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class RubricRatings(TypedColumns):
    """The columns of ``rubric_ratings``."""

    id: Column[UUID]
    grading_id: Column[UUID]
    rubric_id: Column[UUID]
    rubric_criterion_id: Column[UUID]
    points: Column[Decimal]
    comment: Column[str | None]


class Grades(TypedColumns):
    """The columns of ``grades``."""

    id: Column[UUID]
    enrollment_id: Column[UUID]
    assessment_id: Column[UUID]
    course_id: Column[UUID]
    max_score: Column[Decimal]
    attempt_id: Column[UUID | None]
    status: Column[GradeStatus]
    raw_score: Column[Decimal | None]
    late_deduction: Column[Decimal]
    override_score: Column[Decimal | None]
    score: Column[Decimal | None]
    is_excused: Column[bool]
    feedback: Column[str | None]
    posted_at: Column[datetime | None]
    grader_id: Column[UUID | None]
    graded_at: Column[datetime | None]
    version: Column[int]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class CourseGrades(TypedColumns):
    """The columns of ``course_grades``."""

    id: Column[UUID]
    enrollment_id: Column[UUID]
    course_id: Column[UUID]
    grading_period_id: Column[UUID | None]
    current_percentage: Column[Decimal | None]
    final_percentage: Column[Decimal | None]
    staff_current_percentage: Column[Decimal | None]
    staff_final_percentage: Column[Decimal | None]
    current_label: Column[str | None]
    final_label: Column[str | None]
    override_percentage: Column[Decimal | None]
    override_label: Column[str | None]
    details: Column[dict[str, Any]]
    finalized_at: Column[datetime | None]
    computed_at: Column[datetime]


class GradeChanges(TypedColumns):
    """The columns of ``grade_changes``."""

    id: Column[UUID]
    changed_at: Column[datetime]
    kind: Column[GradeChangeKind]
    course_id: Column[UUID]
    enrollment_id: Column[UUID]
    assessment_id: Column[UUID | None]
    grading_period_id: Column[UUID | None]
    actor_id: Column[UUID | None]
    source: Column[str]
    reason: Column[str | None]
    old_score: Column[Decimal | None]
    new_score: Column[Decimal | None]
    changed: Column[dict[str, Any]]


class Recalculations(TypedColumns):
    """The columns of ``recalculations``."""

    id: Column[UUID]
    kind: Column[RecalculationKind]
    course_id: Column[UUID]
    enrollment_id: Column[UUID | None]
    day: Column[date | None]
    queued_at: Column[datetime]
