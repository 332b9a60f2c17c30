"""The columns of the tables of rollups, for type checkers."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, TypedColumns


class LearnerCourseDaily(TypedColumns):
    """The columns of ``learner_course_daily``."""

    course_id: Column[UUID]
    user_id: Column[UUID]
    day: Column[date]
    events: Column[int]
    interactions: Column[int]
    active_seconds: Column[int]
    sections_completed: Column[int]
    hours: Column[list[int | None]]
    first_at: Column[datetime]
    last_at: Column[datetime]


class RollupState(TypedColumns):
    """The columns of ``rollup_state``."""

    name: Column[str]
    watermark: Column[datetime]
    updated_at: Column[datetime]
