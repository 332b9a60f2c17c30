"""The question bank, and which questions an assessment has (guide, section 9)."""

from sqlalchemy import Column, Index, Integer, String, Table, UniqueConstraint, Uuid

from lmsschema.tables import grading_enums as enums
from lmsschema.tables._metadata import (
    ONE,
    Points,
    Timestamp,
    belongs,
    created_at,
    identifier,
    json_array,
    json_object,
    metadata,
    not_negative,
    positive,
    reference,
    updated_at,
)

questions = Table(
    "questions",
    metadata,
    identifier(),
    reference("institution_id", "institutions", "CASCADE", nullable=False),
    Column("course_id", Uuid, comment="NULL: of all courses of the institution"),
    Column("name", String(255), nullable=False),
    json_array("tags", "tags", nullable=False),
    created_at(),
    updated_at(),
    belongs("courses", "course_id", "institution_id", ondelete="SET NULL (course_id)"),
    UniqueConstraint("id", "institution_id"),
    comment="The question bank; what a question says is in its versions",
)
Index("idx_questions_institution_name", questions.c.institution_id, questions.c.name)
Index("idx_questions_course", questions.c.course_id)
Index(
    "idx_questions_tags",
    questions.c.tags,
    postgresql_using="gin",
    postgresql_ops={"tags": "jsonb_path_ops"},
)

question_versions = Table(
    "question_versions",
    metadata,
    identifier(),
    Column("question_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("question_type", enums.question_type, nullable=False),
    json_object("body", "what the question says", nullable=False),
    json_object("answer_key", "what is right", nullable=False),
    Column("points", Points, nullable=False, server_default=ONE),
    created_at(),
    positive("version"),
    positive("points"),
    belongs("questions", "question_id", "institution_id"),
    UniqueConstraint("question_id", "version"),
    UniqueConstraint("id", "institution_id"),
    comment="Versions of questions; a version never changes",
)

assessment_versions = Table(
    "assessment_versions",
    metadata,
    identifier(),
    Column("assessment_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    json_object("pool_picks", "how many items are drawn of each pool", nullable=False),
    Column("published_at", Timestamp, comment="From then on neither it nor its items change"),
    created_at(),
    positive("version"),
    belongs("assessments", "assessment_id", "institution_id"),
    UniqueConstraint("assessment_id", "version"),
    UniqueConstraint("id", "assessment_id"),
    UniqueConstraint("id", "institution_id"),
    comment="Forms of an assessment: which questions it asks",
)

assessment_items = Table(
    "assessment_items",
    metadata,
    identifier(),
    Column("assessment_version_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("question_version_id", Uuid, nullable=False),
    Column("order_index", Integer, nullable=False),
    Column("points", Points, nullable=False),
    Column("pool", String(50), comment="NULL: everybody gets it; else one of a pool"),
    json_object(
        "regrade",
        "how it is graded after all: full_credit, reason; all that changes after publication",
        nullable=False,
    ),
    not_negative("points"),
    belongs("assessment_versions", "assessment_version_id", "institution_id"),
    belongs(
        "question_versions", "question_version_id", "institution_id", ondelete=None, deferred=True
    ),
    UniqueConstraint("assessment_version_id", "order_index", deferrable=True),
    UniqueConstraint("id", "assessment_version_id"),
    comment="The questions of a form of an assessment, in the order of order_index",
)
Index("idx_assessment_items_question_version", assessment_items.c.question_version_id)
