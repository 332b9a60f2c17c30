"""The analytics made of learning events and sessions (guide, part 3)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    Numeric,
    Table,
    UniqueConstraint,
)

from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    FAITHFUL,
    NOW,
    ZERO,
    Timestamp,
    from_0_to,
    identifier,
    json_array,
    json_object,
    metadata,
    not_before,
    not_negative,
    reference,
    within_total,
)

course_analytics = Table(
    "course_analytics",
    metadata,
    identifier(),
    reference("course_id", "courses", "CASCADE", nullable=False),
    Column(
        "analysis_period",
        enums.analysis_period,
        nullable=False,
        comment="Kind of period over which the row aggregates",
    ),
    Column("period_start", Date, nullable=False),
    Column("period_end", Date, nullable=False),
    Column("total_enrollments", Integer, nullable=False, server_default=ZERO),
    Column("active_learners", Integer, nullable=False, server_default=ZERO),
    Column("completed_learners", Integer, nullable=False, server_default=ZERO),
    Column("dropped_learners", Integer, nullable=False, server_default=ZERO),
    Column(
        "average_time_spent",
        Numeric(8, 2),
        comment="Average time spent, in minutes",
    ),
    Column("average_sessions_per_learner", Numeric(5, 2)),
    Column("average_completion_rate", Numeric(5, 2)),
    Column("average_mastery_score", Numeric(3, 2)),
    json_object("concept_difficulty_scores", "difficulty scores of the concepts"),
    json_object("learning_objective_achievement", "how far learning objectives are achieved"),
    json_array("most_engaging_sections", "the most engaging sections"),
    json_array("challenging_sections", "the challenging sections"),
    json_object("content_effectiveness_scores", "effectiveness scores of the content"),
    Column(
        "institution_percentile",
        Numeric(3, 2),
        comment="Percentile of the course within the institution",
    ),
    json_object("subject_area_comparison", "comparison with the subject area"),
    Column("calculated_at", Timestamp, nullable=False, server_default=NOW),
    not_before("period_end", "period_start"),
    not_negative("active_learners"),
    not_negative("completed_learners"),
    not_negative("dropped_learners"),
    within_total("active_learners", "total_enrollments"),
    within_total("completed_learners", "total_enrollments"),
    within_total("dropped_learners", "total_enrollments"),
    CheckConstraint(
        "active_learners::BIGINT + completed_learners + dropped_learners <= total_enrollments",
        name="learners_within_total",
    ),
    not_negative("average_time_spent"),
    not_negative("average_sessions_per_learner", "sessions_per_learner"),
    from_0_to(100, "average_completion_rate"),
    UniqueConstraint("course_id", "analysis_period", "period_start"),
    comment="Performance metrics of courses, aggregated by period",
)
Index("idx_course_analytics_course", course_analytics.c.course_id, info=FAITHFUL)
Index(
    "idx_course_analytics_period",
    course_analytics.c.analysis_period,
    course_analytics.c.period_start.desc(),
)
Index(
    "idx_course_analytics_completion_rate",
    course_analytics.c.average_completion_rate.desc(),
    info=FAITHFUL,
)
Index(
    "idx_course_analytics_mastery", course_analytics.c.average_mastery_score.desc(), info=FAITHFUL
)

learner_analytics = Table(
    "learner_analytics",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    json_object("learning_style_profile", "the style of learning", nullable=False),
    json_array("strength_areas", "areas of strength", nullable=False),
    json_array("improvement_areas", "areas to improve in", nullable=False),
    Column("overall_mastery_score", Numeric(3, 2)),
    Column(
        "learning_velocity",
        Numeric(5, 2),
        comment="Average rate of progress (learning_sessions.learning_velocity counts "
        "sections per minute)",
    ),
    Column("engagement_consistency", Numeric(3, 2)),
    json_object("preferred_learning_times", "when the user prefers to learn"),
    json_object("session_patterns", "patterns of the sessions"),
    json_object("interaction_preferences", "how the user prefers to interact"),
    Column(
        "success_probability",
        Numeric(3, 2),
        comment="Predicted probability of success, 0 to 1",
    ),
    json_array("at_risk_indicators", "what indicates that the user is at risk"),
    json_array("recommended_interventions", "interventions that are recommended"),
    Column("profile_updated_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_activity_at", Timestamp),
    from_0_to(1, "success_probability"),
    UniqueConstraint("user_id"),
    comment="Learning analytics profiles of users",
)
Index("idx_learner_analytics_user", learner_analytics.c.user_id, info=FAITHFUL)
Index(
    "idx_learner_analytics_mastery", learner_analytics.c.overall_mastery_score.desc(), info=FAITHFUL
)
Index("idx_learner_analytics_velocity", learner_analytics.c.learning_velocity.desc(), info=FAITHFUL)
Index("idx_learner_analytics_risk", learner_analytics.c.success_probability)
Index("idx_learner_analytics_updated", learner_analytics.c.profile_updated_at.desc(), info=FAITHFUL)
