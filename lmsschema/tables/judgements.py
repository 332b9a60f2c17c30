"""Rubrics, and what graders do with them (guide, section 9)."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from lmsschema.tables._metadata import (
    ONE,
    TRUE,
    Points,
    belongs,
    created_at,
    identifier,
    json_array,
    metadata,
    not_negative,
    reference,
    updated_at,
)

rubrics = Table(
    "rubrics",
    metadata,
    identifier(),
    reference("institution_id", "institutions", "CASCADE", nullable=False),
    Column("course_id", Uuid, comment="NULL: of all courses of the institution"),
    Column("title", String(500), nullable=False),
    created_at(),
    updated_at(),
    belongs("courses", "course_id", "institution_id", ondelete="SET NULL (course_id)"),
    UniqueConstraint("id", "institution_id"),
    comment="Rubrics: what work is judged by",
)
Index("idx_rubrics_institution", rubrics.c.institution_id)
Index("idx_rubrics_course", rubrics.c.course_id)

rubric_criteria = Table(
    "rubric_criteria",
    metadata,
    identifier(),
    reference("rubric_id", "rubrics", "CASCADE", nullable=False),
    Column("order_index", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("points", Points, nullable=False),
    json_array("levels", "its levels, each with label, points and description", nullable=False),
    not_negative("points"),
    UniqueConstraint("rubric_id", "order_index", deferrable=True),
    UniqueConstraint("id", "rubric_id"),
    comment="The criteria of a rubric, in the order of order_index",
)

gradings = Table(
    "gradings",
    metadata,
    identifier(),
    reference("attempt_id", "assessment_attempts", "CASCADE", nullable=False),
    reference("grader_id", "users", "SET NULL", comment="NULL: a program, or a deleted user"),
    Column("rubric_id", Uuid, ForeignKey("rubrics.id", deferrable=True, initially="DEFERRED")),
    Column(
        "is_final",
        Boolean,
        nullable=False,
        server_default=TRUE,
        comment="Whether its score becomes the attempt's; else one of several to moderate",
    ),
    Column("score", Points),
    Column("feedback", Text),
    Column(
        "version",
        Integer,
        nullable=False,
        server_default=ONE,
        comment="One more with each change: UPDATE ... WHERE version = the one that was read",
    ),
    created_at(),
    updated_at(),
    not_negative("score"),
    UniqueConstraint("id", "rubric_id"),
    comment="Judgements of attempts by graders",
)
Index(
    "idx_gradings_final", gradings.c.attempt_id, unique=True, postgresql_where=gradings.c.is_final
)
Index(
    "idx_gradings_attempt_grader",
    gradings.c.attempt_id,
    gradings.c.grader_id,
    gradings.c.is_final,
    unique=True,
)
Index("idx_gradings_grader_time", gradings.c.grader_id, gradings.c.updated_at.desc())
Index("idx_gradings_rubric", gradings.c.rubric_id)

rubric_ratings = Table(
    "rubric_ratings",
    metadata,
    identifier(),
    Column("grading_id", Uuid, nullable=False),
    Column("rubric_id", Uuid, nullable=False),
    Column("rubric_criterion_id", Uuid, nullable=False),
    Column("points", Points, nullable=False),
    Column("comment", Text),
    not_negative("points"),
    belongs("gradings", "grading_id", "rubric_id"),
    belongs("rubric_criteria", "rubric_criterion_id", "rubric_id", ondelete=None, deferred=True),
    UniqueConstraint("grading_id", "rubric_criterion_id"),
    comment="What a judgement gives for each criterion of its rubric",
)
Index("idx_rubric_ratings_criterion", rubric_ratings.c.rubric_criterion_id)
