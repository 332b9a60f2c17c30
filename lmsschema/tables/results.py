"""Grades of assessments and courses, their history, and what is to be computed (section 9)."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
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

from lmsschema.names import GRADE_CHANGES, GRADE_CHANGES_KEY
from lmsschema.tables import grading_enums as enums
from lmsschema.tables._metadata import (
    FALSE,
    NOW,
    ONE,
    ZERO,
    Points,
    Timestamp,
    belongs,
    created_at,
    identifier,
    json_object,
    metadata,
    not_negative,
    reference,
    updated_at,
)

#: A percentage of a course: extra credit may make it any.
_Total = Numeric(20, 4)

grades = Table(
    "grades",
    metadata,
    identifier(),
    Column("enrollment_id", Uuid, nullable=False),
    Column("assessment_id", Uuid, nullable=False),
    Column("course_id", Uuid, nullable=False),
    Column("max_score", Points, nullable=False, comment="The assessment's; so is course_id"),
    Column("attempt_id", Uuid, comment="The attempt that counts; NULL for an average"),
    Column(
        "status",
        enums.grade_status,
        nullable=False,
        server_default="not_submitted",
        comment="Of the attempts; it and raw_score, late_deduction, attempt_id are computed",
    ),
    Column("raw_score", Points, comment="What the attempts come to, before late penalties"),
    Column("late_deduction", Points, nullable=False, server_default=ZERO),
    Column(
        "override_score",
        Points,
        comment="What a person has entered: it counts, whatever the attempts come to",
    ),
    Column(
        "score",
        Points,
        Computed(
            "CASE WHEN override_score IS NOT NULL THEN override_score"
            " WHEN raw_score < late_deduction THEN 0 ELSE raw_score - late_deduction END",
            persisted=True,
        ),
        comment="What counts; NULL: nothing is graded, which is not 0",
    ),
    Column("is_excused", Boolean, nullable=False, server_default=FALSE),
    Column("feedback", Text),
    Column("posted_at", Timestamp, comment="From when on the learner sees it; NULL: hidden"),
    reference("grader_id", "users", "SET NULL"),
    Column("graded_at", Timestamp),
    Column(
        "version",
        Integer,
        nullable=False,
        server_default=ONE,
        comment="One more with each change by a person: UPDATE ... WHERE version = the one read",
    ),
    created_at(),
    updated_at(),
    not_negative("raw_score"),
    not_negative("late_deduction"),
    not_negative("override_score"),
    CheckConstraint("score <= max_score", name="score_within_max"),
    belongs("enrollments", "enrollment_id", "course_id"),
    belongs(
        "assessments",
        "assessment_id",
        "course_id",
        "max_score",
        onupdate="CASCADE",
    ),
    belongs(
        "assessment_attempts",
        "attempt_id",
        "enrollment_id",
        "assessment_id",
        ondelete="SET NULL (attempt_id)",
    ),
    UniqueConstraint("enrollment_id", "assessment_id"),
    comment="The grade of a learner in an assessment, once there is anything to say",
)
Index("idx_grades_assessment_score", grades.c.assessment_id, grades.c.score)
Index("idx_grades_course", grades.c.course_id)
Index("idx_grades_attempt", grades.c.attempt_id)
Index("idx_grades_grader", grades.c.grader_id)

course_grades = Table(
    "course_grades",
    metadata,
    identifier(),
    Column("enrollment_id", Uuid, nullable=False),
    Column("course_id", Uuid, nullable=False),
    Column("grading_period_id", Uuid, comment="NULL: the whole course"),
    Column("current_percentage", _Total, comment="Of what is graded; NULL: nothing is"),
    Column("final_percentage", _Total, comment="The same, and what is missing counts 0"),
    Column("staff_current_percentage", _Total, comment="With what the learner may not see yet"),
    Column("staff_final_percentage", _Total),
    Column("current_label", String(10)),
    Column("final_label", String(10)),
    Column("override_percentage", _Total, comment="What a person has entered for the course"),
    Column("override_label", String(10)),
    json_object("details", "percentage, points and dropped of each group", nullable=False),
    Column("finalized_at", Timestamp, comment="From then on it is not computed anew"),
    Column("computed_at", Timestamp, nullable=False, server_default=NOW),
    not_negative("override_percentage"),
    belongs("enrollments", "enrollment_id", "course_id"),
    belongs("grading_periods", "grading_period_id", "course_id"),
    UniqueConstraint("enrollment_id", "grading_period_id", postgresql_nulls_not_distinct=True),
    comment="The grade of a learner in a course, and in each of its periods",
)
Index(
    "idx_course_grades_course_final",
    course_grades.c.course_id,
    course_grades.c.final_percentage.desc().nulls_last(),
    postgresql_where=course_grades.c.grading_period_id.is_(None),
)
Index(
    "idx_course_grades_period",
    course_grades.c.grading_period_id,
)

# without foreign keys: it outlives what it tells of, and a new month locks no other table
grade_changes = Table(
    GRADE_CHANGES,
    metadata,
    identifier(
        comment="Unique only together with changed_at: a key of a partitioned table contains the "
        "partition key"
    ),
    Column(
        "changed_at",
        Timestamp,
        primary_key=True,
        server_default=text("clock_timestamp()"),
        comment="The partition key",
    ),
    Column("kind", enums.grade_change_kind, nullable=False),
    Column("course_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("assessment_id", Uuid, comment="NULL: the grade of the course, or of a period"),
    Column("grading_period_id", Uuid),
    Column("actor_id", Uuid, comment="The user: setting lmsschema.actor, else grades.grader_id"),
    Column(
        "source",
        String(50),
        nullable=False,
        server_default="unknown",
        comment="By what: setting lmsschema.source; recalculation, where it was computed",
    ),
    Column("reason", Text, comment="Why: setting lmsschema.reason"),
    Column("old_score", _Total, comment="Points, or percent of a course"),
    Column("new_score", _Total),
    json_object("changed", "column: [old, new], of columns other than the score", nullable=False),
    comment="What happened to grades, append-only, in partitions by month (UTC) of changed_at",
    postgresql_partition_by=f"RANGE ({GRADE_CHANGES_KEY})",
)
Index(
    "idx_grade_changes_enrollment_time",
    grade_changes.c.enrollment_id,
    grade_changes.c.changed_at.desc(),
)
Index(
    "idx_grade_changes_assessment_time",
    grade_changes.c.assessment_id,
    grade_changes.c.changed_at.desc(),
)
Index("idx_grade_changes_course_time", grade_changes.c.course_id, grade_changes.c.changed_at.desc())
Index("idx_grade_changes_actor_time", grade_changes.c.actor_id, grade_changes.c.changed_at.desc())

recalculations = Table(
    "recalculations",
    metadata,
    identifier(),
    Column("kind", enums.recalculation_kind, nullable=False, server_default="grades"),
    Column("course_id", Uuid, nullable=False),
    Column("enrollment_id", Uuid, comment="NULL: all of the course"),
    Column("day", Date, comment="Of analytics: the day whose periods are concerned; NULL: all"),
    Column("queued_at", Timestamp, nullable=False, server_default=NOW),
    comment="What may have changed: appended by triggers, taken by lmsschema rollup",
)
Index("idx_recalculations_time", recalculations.c.kind, recalculations.c.queued_at)
Index("idx_recalculations_course", recalculations.c.course_id)
