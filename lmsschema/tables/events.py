"""Learning events and sessions (guide, part 3)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import INET

from lmsschema.names import EVENTS, EVENTS_KEY
from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    FAITHFUL,
    LEAN,
    LEAN_90,
    NOW,
    ZERO,
    Timestamp,
    created_at,
    identifier,
    json_object,
    metadata,
    not_before,
    not_negative,
    reference,
    within_total,
)

learning_events = Table(
    EVENTS,
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
    postgresql_partition_by=f"RANGE ({EVENTS_KEY})",
)
Index(
    "idx_learning_events_user_time",
    learning_events.c.user_id,
    learning_events.c.event_timestamp.desc(),
)
Index(
    "idx_learning_events_course_time",
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
    info=FAITHFUL,
)
Index(
    "idx_learning_events_type_time",
    learning_events.c.event_type,
    learning_events.c.event_timestamp.desc(),
    info=FAITHFUL,
)
Index("idx_learning_events_category", learning_events.c.event_category, info=FAITHFUL)
Index("idx_learning_events_session", learning_events.c.session_id)
Index("idx_learning_events_lesson", learning_events.c.lesson_id)
Index("idx_learning_events_section", learning_events.c.section_id)
Index(
    "idx_learning_events_user_course_time",
    learning_events.c.user_id,
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
    info=FAITHFUL,
)
Index(
    "idx_learning_events_course_type_time",
    learning_events.c.course_id,
    learning_events.c.event_type,
    learning_events.c.event_timestamp.desc(),
    info=FAITHFUL,
)
Index(
    "idx_learning_events_course_cover",
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
    postgresql_include=["user_id", "event_type"],
    info=LEAN,
)
Index(
    "idx_learning_events_course_assessment",
    learning_events.c.course_id,
    learning_events.c.event_timestamp.desc(),
    postgresql_where=text("event_category = 'assessment'"),
    info=LEAN,
)
Index(
    "idx_learning_events_time",
    learning_events.c.event_timestamp,
    postgresql_using="brin",
    postgresql_ops={EVENTS_KEY: "timestamptz_minmax_multi_ops"},
    postgresql_with={"pages_per_range": 32},
    info=LEAN,
)
Index(
    "idx_learning_events_server_time",
    learning_events.c.server_timestamp,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 32},
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
        comment="Engagement measurement",
    ),
    Column(
        "learning_velocity",
        Numeric(5, 2),
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
    CheckConstraint(
        "session_outcome <> 'completed' OR session_end IS NOT NULL",
        name="session_end_when_completed",
    ),
    comment="Learning sessions of users in courses, for analysis of the educational flow",
    info=LEAN_90,
)
Index("idx_learning_sessions_user", learning_sessions.c.user_id, info=FAITHFUL)
Index(
    "idx_learning_sessions_user_start",
    learning_sessions.c.user_id,
    learning_sessions.c.session_start.desc(),
    info=LEAN,
)
Index("idx_learning_sessions_course", learning_sessions.c.course_id)
Index("idx_learning_sessions_start", learning_sessions.c.session_start.desc())
Index("idx_learning_sessions_duration", learning_sessions.c.total_duration.desc(), info=FAITHFUL)
Index(
    "idx_learning_sessions_engagement", learning_sessions.c.engagement_score.desc(), info=FAITHFUL
)
Index("idx_learning_sessions_outcome", learning_sessions.c.session_outcome, info=FAITHFUL)
