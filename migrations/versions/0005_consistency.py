"""Rows that can't be true are refused: mixed up, blank, infinite, of the wrong type of JSON.

Revision ID: 0005_consistency
Revises: 0004_integrity
"""

# Made of steps as 0004_integrity is. docs/guide.md has every rule with its reason.

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.unique import Unique

revision = "0005_consistency"
down_revision = "0004_integrity"
branch_labels = None
depends_on = None


def json_types(*, objects: tuple[str, ...] = (), arrays: tuple[str, ...] = ()) -> str:
    return " AND ".join(
        f"'{kind}' = all(ARRAY[{', '.join(f'jsonb_typeof({column})' for column in columns)}])"
        for kind, columns in (("object", objects), ("array", arrays))
        if columns
    )


def finite(*, times: tuple[str, ...], numbers: tuple[str, ...] = ()) -> str:
    conditions = [f"isfinite({column})" for column in times]
    conditions += [f"{column} <> 'NaN'" for column in numbers]
    return " AND ".join(conditions)


def of_the_enrollments_user(table: str) -> ForeignKey:
    return ForeignKey(
        f"{table}_enrollment_id_user_id_fkey",
        table,
        "enrollment_id, user_id",
        "enrollments",
        "CASCADE",
        referred="id, user_id",
        on_update="CASCADE",
        replaces=f"{table}_enrollment_id_fkey",
    )


STEPS: tuple[steps.Step, ...] = (
    # institutions
    Checks(
        "institutions",
        {
            "institutions_name_not_blank_check": r"name ~ '\S'",
            "institutions_domain_not_blank_check": r"domain ~ '\S'",
            "institutions_json_types_check": json_types(
                objects=("academic_calendar", "settings"),
            ),
            "institutions_finite_values_check": finite(
                times=("created_at", "updated_at"),
            ),
        },
    ),
    Index("idx_institutions_domain_lower", "institutions", "lower(domain)", unique=True),
    # users
    Checks(
        "users",
        {
            "users_email_not_blank_check": r"email ~ '\S'",
            "users_username_not_blank_check": r"username ~ '\S'",
            "users_json_types_check": json_types(
                objects=(
                    "profile",
                    "learning_preferences",
                    "accessibility_needs",
                    "privacy_settings",
                ),
            ),
            "users_finite_values_check": finite(
                times=("last_active_at", "created_at", "updated_at"),
            ),
        },
    ),
    Index("idx_users_email_lower", "users", "lower(email)", unique=True),
    Index("idx_users_username_lower", "users", "lower(username)", unique=True),
    # courses
    Checks(
        "courses",
        {
            "courses_title_not_blank_check": r"title ~ '\S'",
            "courses_json_types_check": json_types(
                objects=(
                    "content_structure",
                    "assessment_strategy",
                    "grading_scheme",
                    "enrollment_policy",
                    "generation_metadata",
                ),
                arrays=("learning_objectives", "prerequisites", "tags"),
            ),
            "courses_finite_values_check": finite(
                times=("created_at", "updated_at"),
                numbers=("credit_hours", "content_quality_score"),
            ),
        },
    ),
    # lessons
    Checks(
        "lessons",
        {
            "lessons_title_not_blank_check": r"title ~ '\S'",
            "lessons_order_index_not_negative_check": "order_index >= 0",
            "lessons_assessment_weight_from_0_to_1_check": "assessment_weight BETWEEN 0 AND 1",
            "lessons_json_types_check": json_types(
                objects=("difficulty_progression",),
                arrays=("learning_objectives", "prerequisite_concepts"),
            ),
            "lessons_finite_values_check": finite(
                times=("created_at", "updated_at"),
                numbers=("assessment_weight",),
            ),
        },
    ),
    # sections
    Checks(
        "sections",
        {
            "sections_title_not_blank_check": r"title ~ '\S'",
            "sections_order_index_not_negative_check": "order_index >= 0",
            "sections_json_types_check": json_types(
                objects=(
                    "multimedia_content",
                    "interactive_elements",
                    "accessibility_features",
                    "content_quality_metrics",
                ),
            ),
            "sections_finite_values_check": finite(
                times=("created_at", "updated_at"),
            ),
        },
    ),
    # enrollments
    Unique("enrollments_id_user_id_key", "enrollments", "id, user_id"),
    Checks(
        "enrollments",
        {
            "enrollments_completion_date_when_completed_check": "(enrollment_status = 'completed') = (completion_date IS NOT NULL)",
            "enrollments_grade_not_negative_check": "grade >= 0",
            "enrollments_json_types_check": json_types(
                objects=("initial_assessment", "learning_path", "personalization_settings"),
            ),
            "enrollments_finite_values_check": finite(
                times=(
                    "enrolled_at",
                    "last_accessed_at",
                    "completion_date",
                    "created_at",
                    "updated_at",
                ),
                numbers=("grade", "progress_percentage"),
            ),
        },
    ),
    # section_progress
    Checks(
        "section_progress",
        {
            "section_progress_completed_at_when_completed_check": "(completion_status IN ('completed', 'reviewed')) = (completed_at IS NOT NULL)",
            "section_progress_json_types_check": json_types(
                objects=("interaction_data",),
                arrays=("bookmarks",),
            ),
            "section_progress_finite_values_check": finite(
                times=(
                    "started_at",
                    "completed_at",
                    "last_accessed_at",
                    "created_at",
                    "updated_at",
                ),
                numbers=("confidence_score",),
            ),
        },
    ),
    of_the_enrollments_user("section_progress"),
    # lesson_progress
    Checks(
        "lesson_progress",
        {
            "lesson_progress_json_types_check": json_types(
                arrays=("milestones_achieved", "learning_objectives_met"),
            ),
            "lesson_progress_finite_values_check": finite(
                times=(
                    "started_at",
                    "completed_at",
                    "last_accessed_at",
                    "created_at",
                    "updated_at",
                ),
                numbers=("completion_percentage", "average_mastery_level", "overall_confidence"),
            ),
        },
    ),
    of_the_enrollments_user("lesson_progress"),
    # learning_events
    Checks(
        "learning_events",
        {
            "learning_events_json_types_check": json_types(
                objects=("learning_context", "event_data", "device_info", "browser_info"),
            ),
            "learning_events_finite_values_check": finite(
                times=("event_timestamp", "server_timestamp", "created_at"),
                numbers=("learning_value", "engagement_score"),
            ),
        },
    ),
    # learning_sessions
    Checks(
        "learning_sessions",
        {
            "learning_sessions_session_end_when_completed_check": "session_outcome <> 'completed' OR session_end IS NOT NULL",
            "learning_sessions_json_types_check": json_types(
                objects=("retention_indicators", "exit_point"),
            ),
            "learning_sessions_finite_values_check": finite(
                times=("session_start", "session_end", "created_at"),
                numbers=("engagement_score", "learning_velocity"),
            ),
        },
    ),
    # course_analytics
    Checks(
        "course_analytics",
        {
            "course_analytics_learners_within_total_check": "active_learners::BIGINT + completed_learners + dropped_learners <= total_enrollments",
            "course_analytics_json_types_check": json_types(
                objects=(
                    "concept_difficulty_scores",
                    "learning_objective_achievement",
                    "content_effectiveness_scores",
                    "subject_area_comparison",
                ),
                arrays=("most_engaging_sections", "challenging_sections"),
            ),
            "course_analytics_finite_values_check": finite(
                times=("period_start", "period_end", "calculated_at"),
                numbers=(
                    "average_time_spent",
                    "average_sessions_per_learner",
                    "average_completion_rate",
                    "average_mastery_score",
                    "institution_percentile",
                ),
            ),
        },
    ),
    # learner_analytics
    Checks(
        "learner_analytics",
        {
            "learner_analytics_json_types_check": json_types(
                objects=(
                    "learning_style_profile",
                    "preferred_learning_times",
                    "session_patterns",
                    "interaction_preferences",
                ),
                arrays=(
                    "strength_areas",
                    "improvement_areas",
                    "at_risk_indicators",
                    "recommended_interventions",
                ),
            ),
            "learner_analytics_finite_values_check": finite(
                times=("profile_updated_at", "last_activity_at"),
                numbers=(
                    "overall_mastery_score",
                    "learning_velocity",
                    "engagement_consistency",
                    "success_probability",
                ),
            ),
        },
    ),
)

DOWNGRADE = (
    """\
ALTER TABLE section_progress
ADD CONSTRAINT section_progress_enrollment_id_fkey
FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE""",
    """\
ALTER TABLE lesson_progress
ADD CONSTRAINT lesson_progress_enrollment_id_fkey
FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE""",
    """\
ALTER TABLE learner_analytics
DROP CONSTRAINT learner_analytics_json_types_check,
DROP CONSTRAINT learner_analytics_finite_values_check""",
    """\
ALTER TABLE course_analytics
DROP CONSTRAINT course_analytics_learners_within_total_check,
DROP CONSTRAINT course_analytics_json_types_check,
DROP CONSTRAINT course_analytics_finite_values_check""",
    """\
ALTER TABLE learning_sessions
DROP CONSTRAINT learning_sessions_session_end_when_completed_check,
DROP CONSTRAINT learning_sessions_json_types_check,
DROP CONSTRAINT learning_sessions_finite_values_check""",
    """\
ALTER TABLE learning_events
DROP CONSTRAINT learning_events_json_types_check,
DROP CONSTRAINT learning_events_finite_values_check""",
    """\
ALTER TABLE lesson_progress
DROP CONSTRAINT lesson_progress_enrollment_id_user_id_fkey,
DROP CONSTRAINT lesson_progress_json_types_check,
DROP CONSTRAINT lesson_progress_finite_values_check""",
    """\
ALTER TABLE section_progress
DROP CONSTRAINT section_progress_enrollment_id_user_id_fkey,
DROP CONSTRAINT section_progress_completed_at_when_completed_check,
DROP CONSTRAINT section_progress_json_types_check,
DROP CONSTRAINT section_progress_finite_values_check""",
    """\
ALTER TABLE enrollments
DROP CONSTRAINT enrollments_completion_date_when_completed_check,
DROP CONSTRAINT enrollments_grade_not_negative_check,
DROP CONSTRAINT enrollments_json_types_check,
DROP CONSTRAINT enrollments_finite_values_check,
DROP CONSTRAINT enrollments_id_user_id_key""",
    """\
ALTER TABLE sections
DROP CONSTRAINT sections_title_not_blank_check,
DROP CONSTRAINT sections_order_index_not_negative_check,
DROP CONSTRAINT sections_json_types_check,
DROP CONSTRAINT sections_finite_values_check""",
    """\
ALTER TABLE lessons
DROP CONSTRAINT lessons_title_not_blank_check,
DROP CONSTRAINT lessons_order_index_not_negative_check,
DROP CONSTRAINT lessons_assessment_weight_from_0_to_1_check,
DROP CONSTRAINT lessons_json_types_check,
DROP CONSTRAINT lessons_finite_values_check""",
    """\
ALTER TABLE courses
DROP CONSTRAINT courses_title_not_blank_check,
DROP CONSTRAINT courses_json_types_check,
DROP CONSTRAINT courses_finite_values_check""",
    """\
ALTER TABLE users
DROP CONSTRAINT users_email_not_blank_check,
DROP CONSTRAINT users_username_not_blank_check,
DROP CONSTRAINT users_json_types_check,
DROP CONSTRAINT users_finite_values_check""",
    "DROP INDEX idx_users_username_lower",
    "DROP INDEX idx_users_email_lower",
    """\
ALTER TABLE institutions
DROP CONSTRAINT institutions_name_not_blank_check,
DROP CONSTRAINT institutions_domain_not_blank_check,
DROP CONSTRAINT institutions_json_types_check,
DROP CONSTRAINT institutions_finite_values_check""",
    "DROP INDEX idx_institutions_domain_lower",
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
