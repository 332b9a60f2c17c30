"""What rollups keep: each learner's days in a course, and how far they are (section 4)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from lmsschema.tables._metadata import (
    Timestamp,
    metadata,
    not_before,
    not_negative,
    positive,
    updated_at,
)

learner_course_daily = Table(
    "learner_course_daily",
    metadata,
    Column("course_id", Uuid, ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True, comment="On the clock of the learner's institution"),
    Column("events", Integer, nullable=False),
    Column(
        "interactions",
        Integer,
        nullable=False,
        comment="Of category interaction, assessment or social",
    ),
    Column(
        "active_seconds",
        Integer,
        nullable=False,
        comment="Sum of the pauses of at most ten minutes after events of the day",
    ),
    Column("sections_completed", Integer, nullable=False),
    Column(
        "hours", ARRAY(Integer), nullable=False, comment="Events by hour, from 0; NULL for none"
    ),
    Column("first_at", Timestamp, nullable=False),
    Column("last_at", Timestamp, nullable=False),
    positive("events"),
    not_negative("interactions"),
    CheckConstraint("active_seconds BETWEEN 0 AND 90600", name="active_seconds_within_a_day"),
    not_negative("sections_completed"),
    CheckConstraint("cardinality(hours) = 24", name="hours_of_a_day"),
    not_before("last_at", "first_at"),
    comment="What a learner did in a course on a day, computed from events; it outlives them",
)
Index(
    "idx_learner_course_daily_course_day",
    learner_course_daily.c.course_id,
    learner_course_daily.c.day,
)
Index(
    "idx_learner_course_daily_user_day", learner_course_daily.c.user_id, learner_course_daily.c.day
)

rollup_state = Table(
    "rollup_state",
    metadata,
    Column("name", String(50), primary_key=True),
    Column(
        "watermark", Timestamp, nullable=False, comment="What came until then has been taken up"
    ),
    updated_at(),
    comment="How far the rollups are",
)
