"""Rows that can't be meant are refused: NOT NULLs, CHECKs, keys; updated_at is kept.

Revision ID: 0004_integrity
Revises: 0003_analytics
"""

# It is made of steps that lock a table for a moment at most, and that the catalogs know to be done:
# cut short, it goes on where it was. docs/guide.md has every rule with its reason.

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.trigger import Function, Trigger
from lmsschema.ddl.unique import Unique

revision = "0004_integrity"
down_revision = "0003_analytics"
branch_labels = None
depends_on = None


def keep_updated_at(table: str) -> Trigger:
    return Trigger(
        "set_updated_at",
        table,
        "BEFORE UPDATE",
        "FOR EACH ROW\nWHEN (old.* IS DISTINCT FROM new.*)\nEXECUTE FUNCTION set_updated_at()",
    )


STEPS: tuple[steps.Step, ...] = (
    Function(
        "set_updated_at",
        "\nBEGIN\n    new.updated_at := pg_catalog.now();\n    RETURN new;\nEND\n",
    ),
    # institutions
    NotNull("institutions", ("created_at", "updated_at")),
    keep_updated_at("institutions"),
    # users
    NotNull("users", ("institution_id", "created_at", "updated_at")),
    keep_updated_at("users"),
    # courses
    NotNull("courses", ("institution_id", "status", "visibility", "created_at", "updated_at")),
    Checks(
        "courses",
        {
            "courses_estimated_hours_not_negative_check": "estimated_hours >= 0",
            "courses_credit_hours_not_negative_check": "credit_hours >= 0",
        },
    ),
    keep_updated_at("courses"),
    # lessons
    NotNull("lessons", ("course_id", "created_at", "updated_at")),
    Checks(
        "lessons",
        {
            "lessons_estimated_minutes_not_negative_check": "estimated_minutes >= 0",
        },
    ),
    keep_updated_at("lessons"),
    # sections
    NotNull("sections", ("lesson_id", "created_at", "updated_at")),
    Checks(
        "sections",
        {
            "sections_estimated_minutes_not_negative_check": "estimated_minutes >= 0",
        },
    ),
    keep_updated_at("sections"),
    # enrollments
    NotNull(
        "enrollments",
        (
            "user_id",
            "course_id",
            "enrolled_at",
            "enrollment_status",
            "progress_percentage",
            "sections_completed",
            "total_sections",
            "lessons_completed",
            "total_lessons",
            "total_time_spent",
            "created_at",
            "updated_at",
        ),
    ),
    Checks(
        "enrollments",
        {
            "enrollments_completion_date_not_before_enrolled_at_check": "completion_date >= enrolled_at",
            "enrollments_progress_percentage_from_0_to_100_check": "progress_percentage BETWEEN 0 AND 100",
            "enrollments_sections_completed_within_total_check": "sections_completed <= total_sections",
            "enrollments_sections_completed_not_negative_check": "sections_completed >= 0",
            "enrollments_lessons_completed_not_negative_check": "lessons_completed >= 0",
            "enrollments_lessons_completed_within_total_check": "lessons_completed <= total_lessons",
            "enrollments_total_time_spent_not_negative_check": "total_time_spent >= 0",
        },
    ),
    keep_updated_at("enrollments"),
    # section_progress
    NotNull(
        "section_progress",
        (
            "user_id",
            "section_id",
            "enrollment_id",
            "started_at",
            "last_accessed_at",
            "completion_status",
            "created_at",
            "updated_at",
        ),
    ),
    Checks(
        "section_progress",
        {
            "section_progress_completed_at_not_before_started_at_check": "completed_at >= started_at",
            "section_progress_time_spent_not_negative_check": "time_spent >= 0",
            "section_progress_interaction_count_not_negative_check": "interaction_count >= 0",
            "section_progress_revisit_count_not_negative_check": "revisit_count >= 0",
            "section_progress_confidence_score_from_0_to_1_check": "confidence_score BETWEEN 0 AND 1",
        },
    ),
    Index("idx_section_progress_session", "section_progress", "learning_session_id"),
    ForeignKey(
        "section_progress_learning_session_id_fkey",
        "section_progress",
        "learning_session_id",
        "learning_sessions",
        "SET NULL",
    ),
    keep_updated_at("section_progress"),
    # lesson_progress
    NotNull(
        "lesson_progress",
        (
            "user_id",
            "lesson_id",
            "enrollment_id",
            "sections_completed",
            "total_sections",
            "completion_percentage",
            "total_time_spent",
            "created_at",
            "updated_at",
        ),
    ),
    Checks(
        "lesson_progress",
        {
            "lesson_progress_completed_at_not_before_started_at_check": "completed_at >= started_at",
            "lesson_progress_sections_completed_not_negative_check": "sections_completed >= 0",
            "lesson_progress_sections_completed_within_total_check": "sections_completed <= total_sections",
            "lesson_progress_completion_percentage_from_0_to_100_check": "completion_percentage BETWEEN 0 AND 100",
            "lesson_progress_total_time_spent_not_negative_check": "total_time_spent >= 0",
            "lesson_progress_overall_confidence_from_0_to_1_check": "overall_confidence BETWEEN 0 AND 1",
        },
    ),
    keep_updated_at("lesson_progress"),
    # learning_events
    NotNull("learning_events", ("server_timestamp", "created_at")),
    # without them the SET NULL of a deleted lesson or section reads every event
    PartitionedIndex("idx_learning_events_lesson", "learning_events", "lesson_id"),
    PartitionedIndex("idx_learning_events_section", "learning_events", "section_id"),
    # learning_sessions
    NotNull(
        "learning_sessions",
        (
            "user_id",
            "session_start",
            "total_duration",
            "active_duration",
            "lessons_accessed",
            "sections_completed",
            "interactions_count",
            "session_outcome",
            "created_at",
        ),
    ),
    Checks(
        "learning_sessions",
        {
            "learning_sessions_session_end_not_before_session_start_check": "session_end >= session_start",
            "learning_sessions_total_duration_not_negative_check": "total_duration >= 0",
            "learning_sessions_active_duration_not_negative_check": "active_duration >= 0",
            "learning_sessions_active_duration_within_total_check": "active_duration <= total_duration",
            "learning_sessions_lessons_accessed_not_negative_check": "lessons_accessed >= 0",
            "learning_sessions_sections_completed_not_negative_check": "sections_completed >= 0",
            "learning_sessions_interactions_count_not_negative_check": "interactions_count >= 0",
            "learning_sessions_learning_velocity_not_negative_check": "learning_velocity >= 0",
        },
    ),
    # course_analytics
    NotNull(
        "course_analytics",
        (
            "course_id",
            "total_enrollments",
            "active_learners",
            "completed_learners",
            "dropped_learners",
            "calculated_at",
        ),
    ),
    Checks(
        "course_analytics",
        {
            "course_analytics_period_end_not_before_period_start_check": "period_end >= period_start",
            "course_analytics_active_learners_within_total_check": "active_learners <= total_enrollments",
            "course_analytics_active_learners_not_negative_check": "active_learners >= 0",
            "course_analytics_completed_learners_within_total_check": "completed_learners <= total_enrollments",
            "course_analytics_completed_learners_not_negative_check": "completed_learners >= 0",
            "course_analytics_dropped_learners_within_total_check": "dropped_learners <= total_enrollments",
            "course_analytics_dropped_learners_not_negative_check": "dropped_learners >= 0",
            "course_analytics_average_time_spent_not_negative_check": "average_time_spent >= 0",
            "course_analytics_sessions_per_learner_not_negative_check": "average_sessions_per_learner >= 0",
            "course_analytics_average_completion_rate_from_0_to_100_check": "average_completion_rate BETWEEN 0 AND 100",
        },
    ),
    # learner_analytics
    NotNull("learner_analytics", ("user_id", "profile_updated_at")),
    Checks(
        "learner_analytics",
        {
            "learner_analytics_success_probability_from_0_to_1_check": "success_probability BETWEEN 0 AND 1",
        },
    ),
    Unique("learner_analytics_user_id_key", "learner_analytics", "user_id"),
)

DOWNGRADE = (
    """\
ALTER TABLE learner_analytics
DROP CONSTRAINT learner_analytics_user_id_key,
DROP CONSTRAINT learner_analytics_success_probability_from_0_to_1_check,
ALTER COLUMN user_id DROP NOT NULL,
ALTER COLUMN profile_updated_at DROP NOT NULL""",
    """\
ALTER TABLE course_analytics
DROP CONSTRAINT course_analytics_period_end_not_before_period_start_check,
DROP CONSTRAINT course_analytics_active_learners_within_total_check,
DROP CONSTRAINT course_analytics_active_learners_not_negative_check,
DROP CONSTRAINT course_analytics_completed_learners_within_total_check,
DROP CONSTRAINT course_analytics_completed_learners_not_negative_check,
DROP CONSTRAINT course_analytics_dropped_learners_within_total_check,
DROP CONSTRAINT course_analytics_dropped_learners_not_negative_check,
DROP CONSTRAINT course_analytics_average_time_spent_not_negative_check,
DROP CONSTRAINT course_analytics_sessions_per_learner_not_negative_check,
DROP CONSTRAINT course_analytics_average_completion_rate_from_0_to_100_check,
ALTER COLUMN course_id DROP NOT NULL,
ALTER COLUMN total_enrollments DROP NOT NULL,
ALTER COLUMN active_learners DROP NOT NULL,
ALTER COLUMN completed_learners DROP NOT NULL,
ALTER COLUMN dropped_learners DROP NOT NULL,
ALTER COLUMN calculated_at DROP NOT NULL""",
    """\
ALTER TABLE learning_sessions
DROP CONSTRAINT learning_sessions_session_end_not_before_session_start_check,
DROP CONSTRAINT learning_sessions_total_duration_not_negative_check,
DROP CONSTRAINT learning_sessions_active_duration_not_negative_check,
DROP CONSTRAINT learning_sessions_active_duration_within_total_check,
DROP CONSTRAINT learning_sessions_lessons_accessed_not_negative_check,
DROP CONSTRAINT learning_sessions_sections_completed_not_negative_check,
DROP CONSTRAINT learning_sessions_interactions_count_not_negative_check,
DROP CONSTRAINT learning_sessions_learning_velocity_not_negative_check,
ALTER COLUMN user_id DROP NOT NULL,
ALTER COLUMN session_start DROP NOT NULL,
ALTER COLUMN total_duration DROP NOT NULL,
ALTER COLUMN active_duration DROP NOT NULL,
ALTER COLUMN lessons_accessed DROP NOT NULL,
ALTER COLUMN sections_completed DROP NOT NULL,
ALTER COLUMN interactions_count DROP NOT NULL,
ALTER COLUMN session_outcome DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL""",
    "DROP INDEX idx_learning_events_section",
    "DROP INDEX idx_learning_events_lesson",
    """\
ALTER TABLE learning_events
ALTER COLUMN server_timestamp DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON lesson_progress",
    """\
ALTER TABLE lesson_progress
DROP CONSTRAINT lesson_progress_completed_at_not_before_started_at_check,
DROP CONSTRAINT lesson_progress_sections_completed_not_negative_check,
DROP CONSTRAINT lesson_progress_sections_completed_within_total_check,
DROP CONSTRAINT lesson_progress_completion_percentage_from_0_to_100_check,
DROP CONSTRAINT lesson_progress_total_time_spent_not_negative_check,
DROP CONSTRAINT lesson_progress_overall_confidence_from_0_to_1_check,
ALTER COLUMN user_id DROP NOT NULL,
ALTER COLUMN lesson_id DROP NOT NULL,
ALTER COLUMN enrollment_id DROP NOT NULL,
ALTER COLUMN sections_completed DROP NOT NULL,
ALTER COLUMN total_sections DROP NOT NULL,
ALTER COLUMN completion_percentage DROP NOT NULL,
ALTER COLUMN total_time_spent DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON section_progress",
    "DROP INDEX idx_section_progress_session",
    """\
ALTER TABLE section_progress
DROP CONSTRAINT section_progress_learning_session_id_fkey,
DROP CONSTRAINT section_progress_completed_at_not_before_started_at_check,
DROP CONSTRAINT section_progress_time_spent_not_negative_check,
DROP CONSTRAINT section_progress_interaction_count_not_negative_check,
DROP CONSTRAINT section_progress_revisit_count_not_negative_check,
DROP CONSTRAINT section_progress_confidence_score_from_0_to_1_check,
ALTER COLUMN user_id DROP NOT NULL,
ALTER COLUMN section_id DROP NOT NULL,
ALTER COLUMN enrollment_id DROP NOT NULL,
ALTER COLUMN started_at DROP NOT NULL,
ALTER COLUMN last_accessed_at DROP NOT NULL,
ALTER COLUMN completion_status DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON enrollments",
    """\
ALTER TABLE enrollments
DROP CONSTRAINT enrollments_completion_date_not_before_enrolled_at_check,
DROP CONSTRAINT enrollments_progress_percentage_from_0_to_100_check,
DROP CONSTRAINT enrollments_sections_completed_within_total_check,
DROP CONSTRAINT enrollments_sections_completed_not_negative_check,
DROP CONSTRAINT enrollments_lessons_completed_not_negative_check,
DROP CONSTRAINT enrollments_lessons_completed_within_total_check,
DROP CONSTRAINT enrollments_total_time_spent_not_negative_check,
ALTER COLUMN user_id DROP NOT NULL,
ALTER COLUMN course_id DROP NOT NULL,
ALTER COLUMN enrolled_at DROP NOT NULL,
ALTER COLUMN enrollment_status DROP NOT NULL,
ALTER COLUMN progress_percentage DROP NOT NULL,
ALTER COLUMN sections_completed DROP NOT NULL,
ALTER COLUMN total_sections DROP NOT NULL,
ALTER COLUMN lessons_completed DROP NOT NULL,
ALTER COLUMN total_lessons DROP NOT NULL,
ALTER COLUMN total_time_spent DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON sections",
    """\
ALTER TABLE sections
DROP CONSTRAINT sections_estimated_minutes_not_negative_check,
ALTER COLUMN lesson_id DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON lessons",
    """\
ALTER TABLE lessons
DROP CONSTRAINT lessons_estimated_minutes_not_negative_check,
ALTER COLUMN course_id DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON courses",
    """\
ALTER TABLE courses
DROP CONSTRAINT courses_estimated_hours_not_negative_check,
DROP CONSTRAINT courses_credit_hours_not_negative_check,
ALTER COLUMN institution_id DROP NOT NULL,
ALTER COLUMN status DROP NOT NULL,
ALTER COLUMN visibility DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON users",
    """\
ALTER TABLE users
ALTER COLUMN institution_id DROP NOT NULL,
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP TRIGGER set_updated_at ON institutions",
    """\
ALTER TABLE institutions
ALTER COLUMN created_at DROP NOT NULL,
ALTER COLUMN updated_at DROP NOT NULL""",
    "DROP FUNCTION set_updated_at()",
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
