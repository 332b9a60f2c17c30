"""Learning events, sessions and the analytics made of them (guide, part 3)."""

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import INET

from lmsschema.partitions import LEARNING_EVENTS
from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    NOW,
    ZERO,
    Timestamp,
    created_at,
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

learning_events = Table(
    LEARNING_EVENTS.table,
    metadata,
    identifier(
        comment="Unique only together with event_timestamp: a key of a partitioned table "
        "contains the partition key"
    ),
    reference("user_id", "users", "CASCADE"),
    reference("course_id", "courses", "CASCADE"),
    reference(
        "lesson_id",
        "lessons",
        "SET NULL",
        comment="NULL if no lesson is concerned, or once it is deleted",
    ),
    reference(
        "section_id",
        "sections",
        "SET NULL",
        comment="NULL if no section is concerned, or once it is deleted",
    ),
    Column("event_type", String(50), nullable=False),
    Column("event_category", enums.event_category, nullable=False),
    Column("event_action", String(100), nullable=False),
    json_object("learning_context", "educational context of the event", nullable=False),
    json_object("event_data", "data of the event", nullable=False),
    Column("session_id", Uuid, nullable=False, comment="Session in which the event happened"),
    json_object("device_info", "the device"),
    json_object("browser_info", "the browser"),
    Column(
        "event_timestamp",
        Timestamp,
        primary_key=True,
        server_default=NOW,
        comment="When the event happened; the partition key",
    ),
    Column("server_timestamp", Timestamp, nullable=False, server_default=NOW),
    Column(
        "learning_value",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Educational value score",
    ),
    Column(
        "engagement_score",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Engagement measurement",
    ),
    created_at(),
    comment="Learning interaction events for analytics, in partitions by month (UTC) "
    "of event_timestamp",
    postgresql_partition_by=f"RANGE ({LEARNING_EVENTS.key})",
)
# the timeline of a learner, latest first, and the cascade when the user is deleted
Index(
    "idx_learning_events_user_time",
    learning_events.c.user_id,
    learning_events.c.event_timestamp.desc(),
)
# the timeline of a course, latest first, and the cascade when it is deleted
Index(
    "idx_learning_events_course_time",
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
)
# the latest events of one type
Index(
    "idx_learning_events_type_time",
    learning_events.c.event_type,
    learning_events.c.event_timestamp.desc(),
)
# the events of one category
Index("idx_learning_events_category", learning_events.c.event_category)
# the events of a session
Index("idx_learning_events_session", learning_events.c.session_id)
# the SET NULL when a lesson is deleted, which would read every event else
Index("idx_learning_events_lesson", learning_events.c.lesson_id)
# the SET NULL when a section is deleted, likewise
Index("idx_learning_events_section", learning_events.c.section_id)
# the timeline of a learner within one course, latest first
Index(
    "idx_learning_events_user_course_time",
    learning_events.c.user_id,
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
)
# the latest events of one type within a course
Index(
    "idx_learning_events_course_type_time",
    learning_events.c.course_id,
    learning_events.c.event_type,
    learning_events.c.event_timestamp.desc(),
)

learning_sessions = Table(
    "learning_sessions",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    reference("course_id", "courses", "CASCADE"),
    Column("session_start", Timestamp, nullable=False, server_default=NOW),
    Column("session_end", Timestamp),
    Column(
        "total_duration",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Duration in seconds",
    ),
    Column(
        "active_duration",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Active learning time in seconds, a part of total_duration",
    ),
    Column("lessons_accessed", Integer, nullable=False, server_default=ZERO),
    Column("sections_completed", Integer, nullable=False, server_default=ZERO),
    Column("interactions_count", Integer, nullable=False, server_default=ZERO),
    Column(
        "engagement_score",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Engagement measurement",
    ),
    Column(
        "learning_velocity",
        Numeric(5, 2),
        server_default=ZERO,
        comment="Sections per minute (learner_analytics.learning_velocity is an average rate)",
    ),
    json_object("retention_indicators", "indicators of retention"),
    Column("device_type", String(50)),
    Column("browser_type", String(50)),
    Column("ip_address", INET),
    Column("user_agent", Text),
    Column(
        "session_outcome",
        enums.session_outcome,
        nullable=False,
        server_default="interrupted",
        comment="How the session ended",
    ),
    json_object("exit_point", "where the session ended"),
    created_at(),
    not_before("session_end", "session_start"),
    not_negative("total_duration"),
    not_negative("active_duration"),
    within_total("active_duration", "total_duration"),
    not_negative("lessons_accessed"),
    not_negative("sections_completed"),
    not_negative("interactions_count"),
    not_negative("learning_velocity"),
    comment="Learning sessions of users in courses, for analysis of the educational flow",
)
# the sessions of a user, and the cascade when the user is deleted
Index("idx_learning_sessions_user", learning_sessions.c.user_id)
# the sessions in a course, and the cascade when it is deleted
Index("idx_learning_sessions_course", learning_sessions.c.course_id)
# the latest sessions; the sessions of a span of time
Index("idx_learning_sessions_start", learning_sessions.c.session_start.desc())
# the longest sessions
Index("idx_learning_sessions_duration", learning_sessions.c.total_duration.desc())
# the sessions of the highest engagement
Index("idx_learning_sessions_engagement", learning_sessions.c.engagement_score.desc())
# the sessions of one outcome, such as all abandoned ones
Index("idx_learning_sessions_outcome", learning_sessions.c.session_outcome)

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
        server_default=ZERO,
        comment="Average time spent, in minutes",
    ),
    Column("average_sessions_per_learner", Numeric(5, 2), server_default=ZERO),
    Column("average_completion_rate", Numeric(5, 2), server_default=ZERO),
    Column("average_mastery_score", Numeric(3, 2), server_default=ZERO),
    json_object("concept_difficulty_scores", "difficulty scores of the concepts"),
    json_object("learning_objective_achievement", "how far learning objectives are achieved"),
    json_array("most_engaging_sections", "the most engaging sections"),
    json_array("challenging_sections", "the challenging sections"),
    json_object("content_effectiveness_scores", "effectiveness scores of the content"),
    Column(
        "institution_percentile",
        Numeric(3, 2),
        server_default=ZERO,
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
    not_negative("average_time_spent"),
    not_negative("average_sessions_per_learner", "sessions_per_learner"),
    from_0_to(100, "average_completion_rate"),
    UniqueConstraint("course_id", "analysis_period", "period_start"),
    comment="Performance metrics of courses, aggregated by period",
)
# the metrics of a course, and the cascade when it is deleted
Index("idx_course_analytics_course", course_analytics.c.course_id)
# the latest periods of one kind, over all courses
Index(
    "idx_course_analytics_period",
    course_analytics.c.analysis_period,
    course_analytics.c.period_start.desc(),
)
# the courses of the highest completion rate
Index(
    "idx_course_analytics_completion_rate",
    course_analytics.c.average_completion_rate.desc(),
)
# the courses of the highest mastery
Index("idx_course_analytics_mastery", course_analytics.c.average_mastery_score.desc())

learner_analytics = Table(
    "learner_analytics",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    json_object("learning_style_profile", "the style of learning", nullable=False),
    json_array("strength_areas", "areas of strength", nullable=False),
    json_array("improvement_areas", "areas to improve in", nullable=False),
    Column("overall_mastery_score", Numeric(3, 2), server_default=ZERO),
    Column(
        "learning_velocity",
        Numeric(5, 2),
        server_default=ZERO,
        comment="Average rate of progress (learning_sessions.learning_velocity counts "
        "sections per minute)",
    ),
    Column("engagement_consistency", Numeric(3, 2), server_default=ZERO),
    json_object("preferred_learning_times", "when the user prefers to learn"),
    json_object("session_patterns", "patterns of the sessions"),
    json_object("interaction_preferences", "how the user prefers to interact"),
    Column(
        "success_probability",
        Numeric(3, 2),
        server_default=ZERO,
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
# the profile of a user; the index of the UNIQUE serves it too
Index("idx_learner_analytics_user", learner_analytics.c.user_id)
# the learners of the highest mastery
Index("idx_learner_analytics_mastery", learner_analytics.c.overall_mastery_score.desc())
# the fastest learners
Index("idx_learner_analytics_velocity", learner_analytics.c.learning_velocity.desc())
# the learners at risk: the least likely to succeed first
Index("idx_learner_analytics_risk", learner_analytics.c.success_probability)
# the profiles updated last
Index("idx_learner_analytics_updated", learner_analytics.c.profile_updated_at.desc())
