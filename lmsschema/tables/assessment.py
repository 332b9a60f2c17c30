"""Assessments, groups of learners, and exceptions for either (guide, section 9)."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from lmsschema.tables import grading_enums as enums
from lmsschema.tables._metadata import (
    FALSE,
    ONE,
    TRUE,
    ZERO,
    Points,
    Timestamp,
    Weight,
    belongs,
    created_at,
    identifier,
    json_object,
    metadata,
    not_before,
    not_blank,
    not_negative,
    positive,
    reference,
    updated_at,
)

learner_groups = Table(
    "learner_groups",
    metadata,
    identifier(),
    reference("course_id", "courses", "CASCADE", nullable=False),
    Column("name", String(255), nullable=False),
    created_at(),
    updated_at(),
    UniqueConstraint("course_id", "name"),
    UniqueConstraint("id", "course_id"),
    comment="Class sections, teams and cohorts of a course (sections are parts of a lesson)",
)

learner_group_members = Table(
    "learner_group_members",
    metadata,
    identifier(),
    Column("learner_group_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("course_id", Uuid, nullable=False),
    created_at(),
    belongs("learner_groups", "learner_group_id", "course_id"),
    belongs("enrollments", "enrollment_id", "course_id"),
    UniqueConstraint("learner_group_id", "enrollment_id"),
    comment="Who is in which group of learners",
)
Index("idx_learner_group_members_enrollment", learner_group_members.c.enrollment_id)

assessments = Table(
    "assessments",
    metadata,
    identifier(),
    Column("course_id", Uuid, nullable=False),
    Column("institution_id", Uuid, nullable=False),
    Column("assessment_group_id", Uuid, comment="NULL: it counts in no total"),
    reference("section_id", "sections", "SET NULL", comment="Where in the content it is"),
    Column("rubric_id", Uuid),
    Column("late_policy_id", Uuid, comment="NULL: late work costs nothing"),
    Column("title", String(500), nullable=False),
    Column("kind", enums.assessment_kind, nullable=False),
    Column("order_index", Integer, nullable=False, server_default=ZERO),
    Column("points_possible", Points, nullable=False, server_default=text("100")),
    Column(
        "bonus_points",
        Points,
        nullable=False,
        server_default=ZERO,
        comment="How far a score may lie above points_possible",
    ),
    Column(
        "max_score",
        Points,
        Computed("points_possible + bonus_points", persisted=True),
        nullable=False,
        comment="The highest score there is: attempts and grades carry it along",
    ),
    Column(
        "weight",
        Weight,
        nullable=False,
        server_default=ONE,
        comment="Within a group whose assessments count by their weights",
    ),
    Column(
        "is_extra_credit",
        Boolean,
        nullable=False,
        server_default=FALSE,
        comment="Whether its points are added and not expected; it is never dropped",
    ),
    Column("never_drop", Boolean, nullable=False, server_default=FALSE),
    Column("opens_at", Timestamp),
    Column("due_at", Timestamp),
    Column("closes_at", Timestamp),
    Column(
        "attempts_allowed", Integer, server_default=ONE, comment="How many; NULL: without limit"
    ),
    Column("time_limit_minutes", Integer),
    Column(
        "score_policy",
        enums.score_policy,
        nullable=False,
        server_default="latest",
        comment="Which attempt counts, after late penalties",
    ),
    Column(
        "only_overrides",
        Boolean,
        nullable=False,
        server_default=FALSE,
        comment="Whether it is only for those whom an exception names",
    ),
    Column("is_anonymous", Boolean, nullable=False, server_default=FALSE),
    Column(
        "revealed_at",
        Timestamp,
        comment="When anonymous grading ended: until then its grades count in no total",
    ),
    Column(
        "posts_automatically",
        Boolean,
        nullable=False,
        server_default=TRUE,
        comment="Whether a grade is visible to its learner as soon as there is one",
    ),
    Column("published_at", Timestamp, comment="NULL: a draft, which counts nowhere"),
    json_object("settings", "settings of the application", nullable=False),
    created_at(),
    updated_at(),
    not_blank("title"),
    positive("points_possible"),
    not_negative("bonus_points"),
    not_negative("weight"),
    not_before("due_at", "opens_at"),
    not_before("closes_at", "due_at"),
    not_before("closes_at", "opens_at"),
    positive("attempts_allowed"),
    positive("time_limit_minutes"),
    belongs("courses", "course_id", "institution_id"),
    belongs("assessment_groups", "assessment_group_id", "course_id", ondelete=None),
    belongs("rubrics", "rubric_id", "institution_id", ondelete="SET NULL (rubric_id)"),
    belongs("late_policies", "late_policy_id", "course_id", ondelete="SET NULL (late_policy_id)"),
    UniqueConstraint("id", "institution_id"),
    UniqueConstraint("id", "course_id"),
    UniqueConstraint("id", "course_id", "max_score"),
    comment="What is graded: assignments, quizzes, exams",
)
Index("idx_assessments_course_order", assessments.c.course_id, assessments.c.order_index)
Index("idx_assessments_group", assessments.c.assessment_group_id)
Index("idx_assessments_due", assessments.c.due_at)
Index("idx_assessments_section", assessments.c.section_id)
Index("idx_assessments_rubric", assessments.c.rubric_id)
Index("idx_assessments_late_policy", assessments.c.late_policy_id)

assessment_overrides = Table(
    "assessment_overrides",
    metadata,
    identifier(),
    Column("assessment_id", Uuid, nullable=False),
    Column("course_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, comment="The learner; or learner_group_id"),
    Column("learner_group_id", Uuid, comment="The group; an exception for the learner precedes"),
    Column("opens_at", Timestamp, comment="NULL: as for all; so the others"),
    Column("due_at", Timestamp),
    Column("closes_at", Timestamp),
    Column("attempts_allowed", Integer),
    Column(
        "time_limit_factor",
        Numeric(4, 2),
        comment="By how much the time limit is longer, as an accommodation",
    ),
    Column(
        "may_shorten",
        Boolean,
        nullable=False,
        server_default=FALSE,
        comment="Whether it holds where all have more time or attempts than it gives",
    ),
    Column("reason", Text),
    created_at(),
    updated_at(),
    CheckConstraint("num_nonnulls(enrollment_id, learner_group_id) = 1", name="one_target"),
    not_before("due_at", "opens_at"),
    not_before("closes_at", "due_at"),
    not_before("closes_at", "opens_at"),
    positive("attempts_allowed"),
    CheckConstraint("time_limit_factor >= 1", name="time_limit_factor_from_1"),
    belongs("assessments", "assessment_id", "course_id"),
    belongs("enrollments", "enrollment_id", "course_id"),
    belongs("learner_groups", "learner_group_id", "course_id"),
    UniqueConstraint("assessment_id", "enrollment_id"),
    UniqueConstraint("assessment_id", "learner_group_id"),
    comment="Exceptions of an assessment for a learner or a group",
)
Index("idx_assessment_overrides_course", assessment_overrides.c.course_id)
Index(
    "idx_assessment_overrides_enrollment",
    assessment_overrides.c.enrollment_id,
)
Index(
    "idx_assessment_overrides_group",
    assessment_overrides.c.learner_group_id,
)
