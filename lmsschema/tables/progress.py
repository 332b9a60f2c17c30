"""Enrollments and the progress in sections and lessons (guide, part 2)."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    CHECKED,
    FAITHFUL,
    LEAN_90,
    NOW,
    ZERO,
    Timestamp,
    created_at,
    from_0_to,
    identifier,
    json_array,
    json_object,
    latest_first,
    metadata,
    not_before,
    not_negative,
    of_the_enrollments_user,
    reference,
    updated_at,
    within_total,
)

enrollments = Table(
    "enrollments",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    reference("course_id", "courses", "CASCADE", nullable=False),
    Column("enrolled_at", Timestamp, nullable=False, server_default=NOW),
    Column("last_accessed_at", Timestamp),
    Column(
        "completion_date",
        Timestamp,
        comment="When the course was completed: an instant, although named a date",
    ),
    Column("enrollment_status", enums.enrollment_status, nullable=False, server_default="active"),
    Column("grade", Numeric(5, 2), comment="Grade as a number"),
    Column("grade_letter", String(10), comment="Grade as a letter, such as B+"),
    json_object("initial_assessment", "assessment at the start, the baseline of the analytics"),
    json_object("learning_path", "path of the learner through the course"),
    json_object("personalization_settings", "how the course is adapted to the learner"),
    Column(
        "progress_percentage",
        Numeric(5, 2),
        nullable=False,
        server_default=ZERO,
        comment="Progress in percent, 0 to 100; denormalized for performance",
    ),
    Column(
        "sections_completed",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Number of sections completed; denormalized for performance",
    ),
    Column(
        "total_sections",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Number of sections of the course; denormalized for performance",
    ),
    Column(
        "lessons_completed",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Number of lessons completed; denormalized for performance",
    ),
    Column(
        "total_lessons",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Number of lessons of the course; denormalized for performance",
    ),
    Column(
        "total_time_spent",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Time spent in minutes (section_progress and lesson_progress count seconds); "
        "denormalized for performance",
    ),
    created_at(),
    updated_at(),
    Column("withdrawn_at", Timestamp, info=CHECKED),
    not_before("completion_date", "enrolled_at"),
    from_0_to(100, "progress_percentage"),
    not_negative("sections_completed"),
    not_negative("lessons_completed"),
    not_negative("total_time_spent"),
    within_total("sections_completed", "total_sections"),
    within_total("lessons_completed", "total_lessons"),
    not_negative("grade"),
    CheckConstraint(
        "(enrollment_status = 'completed') = (completion_date IS NOT NULL)",
        name="completion_date_when_completed",
    ),
    CheckConstraint("isfinite(withdrawn_at)", name="withdrawn_at_finite"),
    UniqueConstraint("user_id", "course_id"),
    UniqueConstraint("id", "user_id"),
    UniqueConstraint("id", "course_id"),
    comment="Enrollments of users in courses, each with a summary of the progress",
    info=LEAN_90,
)
Index("idx_enrollments_user", enrollments.c.user_id, info=FAITHFUL)
Index("idx_enrollments_course", enrollments.c.course_id)
Index("idx_enrollments_status", enrollments.c.enrollment_status, info=FAITHFUL)
Index("idx_enrollments_progress", enrollments.c.progress_percentage.desc(), info=FAITHFUL)
Index("idx_enrollments_completion", latest_first(enrollments.c.completion_date), info=FAITHFUL)
Index("idx_enrollments_last_accessed", latest_first(enrollments.c.last_accessed_at), info=FAITHFUL)

section_progress = Table(
    "section_progress",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    reference("section_id", "sections", "CASCADE", nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("started_at", Timestamp, nullable=False, server_default=NOW),
    Column("completed_at", Timestamp),
    Column("last_accessed_at", Timestamp, nullable=False, server_default=NOW),
    Column(
        "time_spent",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Time spent in seconds",
    ),
    Column("interaction_count", Integer, nullable=False, server_default=ZERO),
    Column("revisit_count", Integer, nullable=False, server_default=ZERO),
    Column(
        "completion_status",
        enums.section_completion_status,
        nullable=False,
        server_default="not_started",
    ),
    Column("mastery_level", enums.mastery_level, server_default="developing"),
    Column(
        "confidence_score",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Confidence on a scale from 0 to 1",
    ),
    json_object("interaction_data", "what the learner did in the section", nullable=False),
    Column("notes", Text),
    json_array("bookmarks", "bookmarks in the section"),
    reference(
        "learning_session_id",
        "learning_sessions",
        "SET NULL",
        comment="The learning session: learning_sessions.id",
    ),
    Column("device_type", String(50)),
    Column("access_method", String(50)),
    created_at(),
    updated_at(),
    not_before("completed_at", "started_at"),
    not_negative("time_spent"),
    not_negative("interaction_count"),
    not_negative("revisit_count"),
    from_0_to(1, "confidence_score"),
    CheckConstraint(
        "(completion_status IN ('completed', 'reviewed')) = (completed_at IS NOT NULL)",
        name="completed_at_when_completed",
    ),
    of_the_enrollments_user(),
    UniqueConstraint("user_id", "section_id"),
    comment="Progress of users in sections",
    info=LEAN_90,
)
Index("idx_section_progress_user", section_progress.c.user_id, info=FAITHFUL)
Index("idx_section_progress_section", section_progress.c.section_id)
Index("idx_section_progress_enrollment", section_progress.c.enrollment_id)
Index("idx_section_progress_status", section_progress.c.completion_status, info=FAITHFUL)
Index("idx_section_progress_mastery", section_progress.c.mastery_level, info=FAITHFUL)
Index("idx_section_progress_session", section_progress.c.learning_session_id)
Index(
    "idx_section_progress_completed", latest_first(section_progress.c.completed_at), info=FAITHFUL
)
Index("idx_section_progress_time_spent", section_progress.c.time_spent.desc(), info=FAITHFUL)
Index(
    "idx_section_progress_user_section",
    section_progress.c.user_id,
    section_progress.c.section_id,
    info=FAITHFUL,
)
Index(
    "idx_section_progress_enrollment_status",
    section_progress.c.enrollment_id,
    section_progress.c.completion_status,
    info=FAITHFUL,
)

lesson_progress = Table(
    "lesson_progress",
    metadata,
    identifier(),
    reference("user_id", "users", "CASCADE", nullable=False),
    reference("lesson_id", "lessons", "CASCADE", nullable=False),
    Column("enrollment_id", Uuid, nullable=False),
    Column("started_at", Timestamp),
    Column("completed_at", Timestamp),
    Column("last_accessed_at", Timestamp),
    Column("sections_completed", Integer, nullable=False, server_default=ZERO),
    Column(
        "total_sections",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Number of sections of the lesson",
    ),
    Column(
        "completion_percentage",
        Numeric(5, 2),
        nullable=False,
        server_default=ZERO,
        comment="Part of the lesson that is completed, in percent, 0 to 100",
    ),
    Column(
        "total_time_spent",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Time spent in seconds (enrollments.total_time_spent counts minutes)",
    ),
    Column(
        "average_mastery_level",
        Numeric(3, 2),
        comment="Average over the sections of the mastery level, expressed as a number",
    ),
    Column(
        "overall_confidence",
        Numeric(3, 2),
        comment="Confidence over the sections, on a scale from 0 to 1",
    ),
    json_array("milestones_achieved", "milestones that the learner has achieved"),
    json_array("learning_objectives_met", "learning objectives that the learner has met"),
    created_at(),
    updated_at(),
    not_before("completed_at", "started_at"),
    not_negative("sections_completed"),
    within_total("sections_completed", "total_sections"),
    from_0_to(100, "completion_percentage"),
    not_negative("total_time_spent"),
    from_0_to(1, "overall_confidence"),
    of_the_enrollments_user(),
    UniqueConstraint("user_id", "lesson_id"),
    comment="Progress of users in lessons, aggregated over the sections",
    info=LEAN_90,
)
Index("idx_lesson_progress_user", lesson_progress.c.user_id, info=FAITHFUL)
Index("idx_lesson_progress_lesson", lesson_progress.c.lesson_id)
Index("idx_lesson_progress_enrollment", lesson_progress.c.enrollment_id)
Index(
    "idx_lesson_progress_completion", lesson_progress.c.completion_percentage.desc(), info=FAITHFUL
)
Index("idx_lesson_progress_completed", latest_first(lesson_progress.c.completed_at), info=FAITHFUL)
