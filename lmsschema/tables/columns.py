"""The columns of each table for type checkers: ``courses.c.status`` is a ``Column[CourseStatus]``.

Nothing of it is needed when a program runs; :mod:`lmsschema.tables` says which table has which.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, TypedColumns

from lmsschema.tables.enums import (
    AnalysisPeriod,
    CourseDifficulty,
    CourseStatus,
    CourseVisibility,
    EducationLevel,
    EnrollmentStatus,
    EventCategory,
    LessonContentType,
    MasteryLevel,
    SectionCompletionStatus,
    SectionInteraction,
    SectionType,
    SessionOutcome,
    UserRole,
)


class Institutions(TypedColumns):
    """The columns of ``institutions``."""

    id: Column[UUID]
    name: Column[str]
    domain: Column[str]
    education_level: Column[EducationLevel]
    timezone: Column[str | None]
    academic_calendar: Column[dict[str, Any]]
    settings: Column[dict[str, Any]]
    created_at: Column[datetime]
    updated_at: Column[datetime]
    language: Column[str | None]


class Users(TypedColumns):
    """The columns of ``users``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    email: Column[str]
    username: Column[str]
    role: Column[UserRole]
    profile: Column[dict[str, Any]]
    learning_preferences: Column[dict[str, Any]]
    accessibility_needs: Column[dict[str, Any]]
    privacy_settings: Column[dict[str, Any]]
    last_active_at: Column[datetime | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class Courses(TypedColumns):
    """The columns of ``courses``."""

    id: Column[UUID]
    institution_id: Column[UUID]
    instructor_id: Column[UUID | None]
    title: Column[str]
    description: Column[str]
    subject_area: Column[str]
    difficulty_level: Column[CourseDifficulty]
    estimated_hours: Column[int]
    learning_objectives: Column[list[Any]]
    prerequisites: Column[list[Any]]
    tags: Column[list[Any]]
    content_structure: Column[dict[str, Any]]
    assessment_strategy: Column[dict[str, Any]]
    grading_scheme: Column[dict[str, Any]]
    academic_term: Column[str | None]
    course_code: Column[str | None]
    credit_hours: Column[Decimal | None]
    status: Column[CourseStatus]
    visibility: Column[CourseVisibility]
    enrollment_policy: Column[dict[str, Any]]
    generation_metadata: Column[dict[str, Any] | None]
    content_quality_score: Column[Decimal | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]
    language: Column[str | None]
    search: Column[str | None]


class Lessons(TypedColumns):
    """The columns of ``lessons``."""

    id: Column[UUID]
    course_id: Column[UUID]
    title: Column[str]
    description: Column[str | None]
    order_index: Column[int]
    learning_objectives: Column[list[Any]]
    prerequisite_concepts: Column[list[Any]]
    estimated_minutes: Column[int]
    content_type: Column[LessonContentType | None]
    difficulty_progression: Column[dict[str, Any]]
    has_assessment: Column[bool | None]
    assessment_weight: Column[Decimal | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class Sections(TypedColumns):
    """The columns of ``sections``."""

    id: Column[UUID]
    lesson_id: Column[UUID]
    title: Column[str]
    content: Column[str]
    section_type: Column[SectionType]
    order_index: Column[int]
    interaction_type: Column[SectionInteraction]
    estimated_minutes: Column[int]
    multimedia_content: Column[dict[str, Any] | None]
    interactive_elements: Column[dict[str, Any] | None]
    accessibility_features: Column[dict[str, Any] | None]
    ai_generated: Column[bool | None]
    content_quality_metrics: Column[dict[str, Any] | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class Enrollments(TypedColumns):
    """The columns of ``enrollments``."""

    id: Column[UUID]
    user_id: Column[UUID]
    course_id: Column[UUID]
    enrolled_at: Column[datetime]
    last_accessed_at: Column[datetime | None]
    completion_date: Column[datetime | None]
    enrollment_status: Column[EnrollmentStatus]
    grade: Column[Decimal | None]
    grade_letter: Column[str | None]
    initial_assessment: Column[dict[str, Any] | None]
    learning_path: Column[dict[str, Any] | None]
    personalization_settings: Column[dict[str, Any] | None]
    progress_percentage: Column[Decimal]
    sections_completed: Column[int]
    total_sections: Column[int]
    lessons_completed: Column[int]
    total_lessons: Column[int]
    total_time_spent: Column[int]
    created_at: Column[datetime]
    updated_at: Column[datetime]
    withdrawn_at: Column[datetime | None]


class SectionProgress(TypedColumns):
    """The columns of ``section_progress``."""

    id: Column[UUID]
    user_id: Column[UUID]
    section_id: Column[UUID]
    enrollment_id: Column[UUID]
    started_at: Column[datetime]
    completed_at: Column[datetime | None]
    last_accessed_at: Column[datetime]
    time_spent: Column[int]
    interaction_count: Column[int]
    revisit_count: Column[int]
    completion_status: Column[SectionCompletionStatus]
    mastery_level: Column[MasteryLevel | None]
    confidence_score: Column[Decimal | None]
    interaction_data: Column[dict[str, Any]]
    notes: Column[str | None]
    bookmarks: Column[list[Any] | None]
    learning_session_id: Column[UUID | None]
    device_type: Column[str | None]
    access_method: Column[str | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class LessonProgress(TypedColumns):
    """The columns of ``lesson_progress``."""

    id: Column[UUID]
    user_id: Column[UUID]
    lesson_id: Column[UUID]
    enrollment_id: Column[UUID]
    started_at: Column[datetime | None]
    completed_at: Column[datetime | None]
    last_accessed_at: Column[datetime | None]
    sections_completed: Column[int]
    total_sections: Column[int]
    completion_percentage: Column[Decimal]
    total_time_spent: Column[int]
    average_mastery_level: Column[Decimal | None]
    overall_confidence: Column[Decimal | None]
    milestones_achieved: Column[list[Any] | None]
    learning_objectives_met: Column[list[Any] | None]
    created_at: Column[datetime]
    updated_at: Column[datetime]


class LearningEvents(TypedColumns):
    """The columns of ``learning_events``."""

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


class LearningSessions(TypedColumns):
    """The columns of ``learning_sessions``."""

    id: Column[UUID]
    user_id: Column[UUID]
    course_id: Column[UUID | None]
    session_start: Column[datetime]
    session_end: Column[datetime | None]
    total_duration: Column[int]
    active_duration: Column[int]
    lessons_accessed: Column[int]
    sections_completed: Column[int]
    interactions_count: Column[int]
    engagement_score: Column[Decimal | None]
    learning_velocity: Column[Decimal | None]
    retention_indicators: Column[dict[str, Any] | None]
    device_type: Column[str | None]
    browser_type: Column[str | None]
    ip_address: Column[Any]
    user_agent: Column[str | None]
    session_outcome: Column[SessionOutcome]
    exit_point: Column[dict[str, Any] | None]
    created_at: Column[datetime]


class CourseAnalytics(TypedColumns):
    """The columns of ``course_analytics``."""

    id: Column[UUID]
    course_id: Column[UUID]
    analysis_period: Column[AnalysisPeriod]
    period_start: Column[date]
    period_end: Column[date]
    total_enrollments: Column[int]
    active_learners: Column[int]
    completed_learners: Column[int]
    dropped_learners: Column[int]
    average_time_spent: Column[Decimal | None]
    average_sessions_per_learner: Column[Decimal | None]
    average_completion_rate: Column[Decimal | None]
    average_mastery_score: Column[Decimal | None]
    concept_difficulty_scores: Column[dict[str, Any] | None]
    learning_objective_achievement: Column[dict[str, Any] | None]
    most_engaging_sections: Column[list[Any] | None]
    challenging_sections: Column[list[Any] | None]
    content_effectiveness_scores: Column[dict[str, Any] | None]
    institution_percentile: Column[Decimal | None]
    subject_area_comparison: Column[dict[str, Any] | None]
    calculated_at: Column[datetime]


class LearnerAnalytics(TypedColumns):
    """The columns of ``learner_analytics``."""

    id: Column[UUID]
    user_id: Column[UUID]
    learning_style_profile: Column[dict[str, Any]]
    strength_areas: Column[list[Any]]
    improvement_areas: Column[list[Any]]
    overall_mastery_score: Column[Decimal | None]
    learning_velocity: Column[Decimal | None]
    engagement_consistency: Column[Decimal | None]
    preferred_learning_times: Column[dict[str, Any] | None]
    session_patterns: Column[dict[str, Any] | None]
    interaction_preferences: Column[dict[str, Any] | None]
    success_probability: Column[Decimal | None]
    at_risk_indicators: Column[list[Any] | None]
    recommended_interventions: Column[list[Any] | None]
    profile_updated_at: Column[datetime]
    last_activity_at: Column[datetime | None]
