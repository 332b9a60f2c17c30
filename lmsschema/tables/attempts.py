"""What learners hand in: attempts and the responses to their items (guide, section 9)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from lmsschema.tables import grading_enums as enums
from lmsschema.tables._metadata import (
    NOW,
    Points,
    Timestamp,
    belongs,
    created_at,
    identifier,
    json_object,
    metadata,
    not_before,
    not_negative,
    positive,
    updated_at,
)

assessment_attempts = Table(
    "assessment_attempts",
    metadata,
    identifier(),
    Column("course_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("assessment_id", Uuid, nullable=False),
    Column("max_score", Points, nullable=False, comment="The assessment's; so is course_id"),
    Column("assessment_version_id", Uuid, comment="NULL: an assessment without questions"),
    Column("attempt_number", Integer, nullable=False, comment="From 1 on, without gaps"),
    Column(
        "previous_number",
        Integer,
        Computed("nullif(attempt_number - 1, 0)", persisted=True),
        comment="The attempt that there has to be before it",
    ),
    Column("status", enums.attempt_status, nullable=False, server_default="in_progress"),
    Column("started_at", Timestamp, nullable=False, server_default=NOW),
    Column("expires_at", Timestamp, comment="When its time is up"),
    Column("submitted_at", Timestamp),
    json_object("content", "what was handed in, other than responses", nullable=False),
    Column("score", Points, comment="Before late penalties"),
    Column("graded_at", Timestamp),
    created_at(),
    updated_at(),
    positive("attempt_number"),
    not_before("submitted_at", "started_at"),
    CheckConstraint(
        "status = 'voided' OR (status = 'in_progress') = (submitted_at IS NULL)",
        name="submitted_at_when_submitted",
    ),
    CheckConstraint("status <> 'graded' OR score IS NOT NULL", name="score_when_graded"),
    not_negative("score"),
    CheckConstraint("score <= max_score", name="score_within_max"),
    belongs("enrollments", "enrollment_id", "course_id"),
    belongs(
        "assessments",
        "assessment_id",
        "course_id",
        "max_score",
        onupdate="CASCADE",
    ),
    belongs("assessment_versions", "assessment_version_id", "assessment_id", ondelete=None),
    ForeignKeyConstraint(
        ["enrollment_id", "assessment_id", "previous_number"],
        [
            "assessment_attempts.enrollment_id",
            "assessment_attempts.assessment_id",
            "assessment_attempts.attempt_number",
        ],
        name="assessment_attempts_previous_number_fkey",
    ),
    UniqueConstraint(
        "enrollment_id",
        "assessment_id",
        "attempt_number",
        name="assessment_attempts_number_key",
    ),
    UniqueConstraint("id", "assessment_version_id"),
    UniqueConstraint("id", "enrollment_id", "assessment_id"),
    comment="Attempts at assessments: quizzes taken, work handed in, each resubmission of it",
)
Index(
    "idx_assessment_attempts_in_progress",
    assessment_attempts.c.enrollment_id,
    assessment_attempts.c.assessment_id,
    unique=True,
    postgresql_where=assessment_attempts.c.status == enums.AttemptStatus.IN_PROGRESS,
)
Index(
    "idx_assessment_attempts_to_grade",
    assessment_attempts.c.assessment_id,
    assessment_attempts.c.submitted_at,
    postgresql_where=assessment_attempts.c.status == enums.AttemptStatus.SUBMITTED,
)
Index("idx_assessment_attempts_assessment", assessment_attempts.c.assessment_id)
Index(
    "idx_assessment_attempts_expires",
    assessment_attempts.c.expires_at,
    postgresql_where=assessment_attempts.c.status == enums.AttemptStatus.IN_PROGRESS,
)
Index(
    "idx_assessment_attempts_version",
    assessment_attempts.c.assessment_version_id,
)

item_responses = Table(
    "item_responses",
    metadata,
    identifier(),
    Column("attempt_id", Uuid, nullable=False),
    Column("assessment_version_id", Uuid, nullable=False),
    Column("assessment_item_id", Uuid, nullable=False),
    Column(
        "response",
        JSONB(none_as_null=True),
        comment="JSON: the answer, as the type of the question has it; NULL: none was given",
    ),
    Column("score", Points),
    Column("feedback", Text),
    created_at(),
    updated_at(),
    belongs("assessment_attempts", "attempt_id", "assessment_version_id"),
    belongs("assessment_items", "assessment_item_id", "assessment_version_id", ondelete=None),
    UniqueConstraint("attempt_id", "assessment_item_id"),
    comment="Responses to the items of the form that was attempted",
)
Index("idx_item_responses_item", item_responses.c.assessment_item_id)
