"""The columns of the pipeline's tables for type checkers, as in :mod:`lmsschema.tables.columns`."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, TypedColumns

from lmsschema.tables.enums import EventCategory


class ExternalIds(TypedColumns):
    """The columns of ``external_ids``."""

    institution_id: Column[UUID]
    kind: Column[str]
    key: Column[str]
    target: Column[UUID]
    created_at: Column[datetime]


class LoadSources(TypedColumns):
    """The columns of ``load_sources``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    format: Column[str]
    name: Column[str]
    worker: Column[int]
    position: Column[int]
    line: Column[int]
    counts: Column[dict[str, Any]]
    finished_at: Column[datetime | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class RejectedRecords(TypedColumns):
    """The columns of ``rejected_records``."""

    institution_id: Column[UUID]
    digest: Column[bytes]
    source_id: Column[UUID]
    line: Column[int]
    position: Column[int]
    reason: Column[str]
    detail: Column[str]
    raw: Column[bytes]
    length: Column[int]
    state: Column[str]
    tries: Column[int]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class EventVoidings(TypedColumns):
    """The columns of ``event_voidings``."""

    institution_id: Column[UUID]
    statement_id: Column[UUID]
    voided_by: Column[UUID]
    created_at: Column[datetime]


class VoidedEvents(TypedColumns):
    """The columns of ``voided_events``."""

    id: Column[UUID]
    user_id: Column[UUID | None]
    course_id: Column[UUID | None]
    lesson_id: Column[UUID | None]
    section_id: Column[UUID | None]
    event_type: Column[str]
    event_category: Column[EventCategory]
    event_action: Column[str]
    learning_context: Column[dict[str, Any]]
    event_data: Column[dict[str, Any]]
    session_id: Column[UUID]
    device_info: Column[dict[str, Any] | None]
    browser_info: Column[dict[str, Any] | None]
    event_timestamp: Column[datetime]
    server_timestamp: Column[datetime]
    learning_value: Column[Decimal | None]
    engagement_score: Column[Decimal | None]
    created_at: Column[datetime]
    voided_at: Column[datetime]
