"""The columns of the tables of assessment and grading for type checkers, as in ``columns``."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, TypedColumns

from lmsschema.tables.grading_enums import (
    AssessmentKind,
    GroupAggregation,
    LateBasis,
    LateInterval,
    ScorePolicy,
)


class GradingSchemes(TypedColumns):
    """The columns of ``grading_schemes``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    name: Column[str]
    round_to: Column[int]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class GradingSchemeLevels(TypedColumns):
    """The columns of ``grading_scheme_levels``."""

    id: Column[UUID]
    grading_scheme_id: Column[UUID]
    label: Column[str]
    min_percentage: Column[Decimal]
    grade_points: Column[Decimal | None]
    is_passing: Column[bool]


class Gradebooks(TypedColumns):
    """The columns of ``gradebooks``."""

    id: Column[UUID]
    course_id: Column[UUID]
    institution_id: Column[UUID]
    grading_scheme_id: Column[UUID | None]
    is_weighted: Column[bool]
    weight_periods: Column[bool]
    max_percentage: Column[Decimal | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class GradingPeriods(TypedColumns):
    """The columns of ``grading_periods``."""

    id: Column[UUID]
    course_id: Column[UUID]
    name: Column[str]
    starts_at: Column[datetime]
    weight: Column[Decimal]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class LatePolicies(TypedColumns):
    """The columns of ``late_policies``."""

    id: Column[UUID]
    course_id: Column[UUID]
    name: Column[str]
    deduction_percent: Column[Decimal]
    per: Column[LateInterval]
    basis: Column[LateBasis]
    grace_minutes: Column[int]
    max_deduction_percent: Column[Decimal]
    missing_percent: Column[Decimal | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class AssessmentGroups(TypedColumns):
    """The columns of ``assessment_groups``."""

    id: Column[UUID]
    course_id: Column[UUID]
    name: Column[str]
    order_index: Column[int]
    weight: Column[Decimal]
    aggregation: Column[GroupAggregation]
    drop_lowest: Column[int]
    drop_highest: Column[int]
    is_extra_credit: Column[bool]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class LearnerGroups(TypedColumns):
    """The columns of ``learner_groups``."""

    id: Column[UUID]
    course_id: Column[UUID]
    name: Column[str]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class LearnerGroupMembers(TypedColumns):
    """The columns of ``learner_group_members``."""

    id: Column[UUID]
    learner_group_id: Column[UUID]
    enrollment_id: Column[UUID]
    course_id: Column[UUID]
    created_at: Column[datetime]


class Assessments(TypedColumns):
    """The columns of ``assessments``."""

    id: Column[UUID]
    course_id: Column[UUID]
    institution_id: Column[UUID]
    assessment_group_id: Column[UUID | None]
    section_id: Column[UUID | None]
    rubric_id: Column[UUID | None]
    late_policy_id: Column[UUID | None]
    title: Column[str]
    kind: Column[AssessmentKind]
    order_index: Column[int]
    points_possible: Column[Decimal]
    bonus_points: Column[Decimal]
    max_score: Column[Decimal]
    weight: Column[Decimal]
    is_extra_credit: Column[bool]
    never_drop: Column[bool]
    opens_at: Column[datetime | None]
    due_at: Column[datetime | None]
    closes_at: Column[datetime | None]
    attempts_allowed: Column[int | None]
    time_limit_minutes: Column[int | None]
    score_policy: Column[ScorePolicy]
    only_overrides: Column[bool]
    is_anonymous: Column[bool]
    revealed_at: Column[datetime | None]
    posts_automatically: Column[bool]
    published_at: Column[datetime | None]
    settings: Column[dict[str, Any]]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class AssessmentOverrides(TypedColumns):
    """The columns of ``assessment_overrides``."""

    id: Column[UUID]
    assessment_id: Column[UUID]
    course_id: Column[UUID]
    enrollment_id: Column[UUID | None]
    learner_group_id: Column[UUID | None]
    opens_at: Column[datetime | None]
    due_at: Column[datetime | None]
    closes_at: Column[datetime | None]
    attempts_allowed: Column[int | None]
    time_limit_factor: Column[Decimal | None]
    may_shorten: Column[bool]
    reason: Column[str | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]
