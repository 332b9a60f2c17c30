"""Institutions, users, courses, lessons and sections (guide, part 1)."""

from sqlalchemy import (
    Boolean,
    Column,
    FetchedValue,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    FAITHFUL,
    FALSE,
    LEAN_90,
    ZERO,
    Timestamp,
    created_at,
    from_0_to,
    identifier,
    json_array,
    json_object,
    metadata,
    not_blank,
    not_negative,
    reference,
    updated_at,
)

institutions = Table(
    "institutions",
    metadata,
    identifier(),
    Column("name", String(255), nullable=False),
    Column("domain", String(100), nullable=False, unique=True),
    Column("education_level", enums.education_level, nullable=False),
    Column(
        "timezone",
        String(50),
        server_default="UTC",
        comment="IANA time zone name, such as Europe/Berlin",
    ),
    json_object("academic_calendar", "the academic calendar", nullable=False),
    json_object("settings", "settings of the institution", nullable=False),
    created_at(),
    updated_at(),
    Column("language", Text),
    not_blank("name"),
    not_blank("domain"),
    comment="Institutions; deleting one deletes its users and courses",
)
Index("idx_institutions_domain", institutions.c.domain, info=FAITHFUL)
Index("idx_institutions_domain_lower", func.lower(institutions.c.domain), unique=True)
Index("idx_institutions_education_level", institutions.c.education_level, info=FAITHFUL)

users = Table(
    "users",
    metadata,
    identifier(),
    reference("institution_id", "institutions", "CASCADE", nullable=False),
    Column("email", String(255), nullable=False, unique=True),
    Column("username", String(100), nullable=False, unique=True),
    Column(
        "role",
        enums.user_role,
        nullable=False,
        comment="Educational role; ta is a teaching assistant",
    ),
    json_object("profile", "profile of the user", nullable=False),
    json_object("learning_preferences", "how the user prefers to learn", nullable=False),
    json_object("accessibility_needs", "what the user needs to have access", nullable=False),
    json_object("privacy_settings", "privacy settings of the user", nullable=False),
    Column("last_active_at", Timestamp),
    created_at(),
    updated_at(),
    not_blank("email"),
    not_blank("username"),
    comment="Users and their educational roles; deleting one deletes their progress and analytics",
    info=LEAN_90,
)
Index("idx_users_institution", users.c.institution_id)
Index("idx_users_role", users.c.role, info=FAITHFUL)
Index("idx_users_email_institution", users.c.email, users.c.institution_id, info=FAITHFUL)
Index("idx_users_email_lower", func.lower(users.c.email), unique=True)
Index("idx_users_username_lower", func.lower(users.c.username), unique=True)
Index("idx_users_last_active", users.c.last_active_at.desc(), info=FAITHFUL)

courses = Table(
    "courses",
    metadata,
    identifier(),
    reference("institution_id", "institutions", "CASCADE", nullable=False),
    reference(
        "instructor_id",
        "users",
        "SET NULL",
        comment="The user who teaches the course; NULL once that user is deleted",
    ),
    Column("title", String(500), nullable=False),
    Column("description", Text, nullable=False),
    Column("subject_area", String(100), nullable=False),
    Column("difficulty_level", enums.course_difficulty, nullable=False),
    Column(
        "estimated_hours",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Estimated effort in hours",
    ),
    json_array("learning_objectives", "learning objectives of the course", nullable=False),
    json_array("prerequisites", "what the course requires", nullable=False),
    json_array("tags", "tags", nullable=False),
    json_object("content_structure", "how the content is structured", nullable=False),
    json_object("assessment_strategy", "how learners are assessed", nullable=False),
    json_object("grading_scheme", "how grades are given", nullable=False),
    Column("academic_term", String(50)),
    Column("course_code", String(20)),
    Column("credit_hours", Numeric(3, 1), server_default=ZERO),
    Column(
        "status",
        enums.course_status,
        nullable=False,
        server_default="draft",
        comment="State of publication",
    ),
    Column(
        "visibility",
        enums.course_visibility,
        nullable=False,
        server_default="institution",
        comment="Who has access: the public, the institution, or private",
    ),
    json_object("enrollment_policy", "the rules of enrollment", nullable=False),
    json_object("generation_metadata", "metadata of generation by AI"),
    Column(
        "content_quality_score",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Quality score of the content, part of the metadata of generation by AI",
    ),
    created_at(),
    updated_at(),
    Column("language", Text),
    Column("search", TSVECTOR, server_default=FetchedValue(), server_onupdate=FetchedValue()),
    not_blank("title"),
    not_negative("estimated_hours"),
    not_negative("credit_hours"),
    UniqueConstraint("id", "institution_id"),
    comment="Courses with their educational metadata; deleting one deletes its lessons, "
    "enrollments, events, sessions and analytics",
)
Index("idx_courses_institution", courses.c.institution_id)
Index("idx_courses_instructor", courses.c.instructor_id)
Index("idx_courses_subject_difficulty", courses.c.subject_area, courses.c.difficulty_level)
Index("idx_courses_status_visibility", courses.c.status, courses.c.visibility)
Index("idx_courses_academic_term", courses.c.academic_term)
Index("idx_courses_created_desc", courses.c.created_at.desc())
Index("idx_courses_search_vector", courses.c.search, postgresql_using="gin")
# op() has the expression written with PostgreSQL's own parentheses, as Alembic compares it
Index(
    "idx_courses_search",
    func.to_tsvector(text("'english'"), courses.c.title.op("||")(" ") + courses.c.description),
    postgresql_using="gin",
    info=FAITHFUL,
)

lessons = Table(
    "lessons",
    metadata,
    identifier(),
    reference("course_id", "courses", "CASCADE", nullable=False),
    Column("title", String(500), nullable=False),
    Column("description", Text),
    Column(
        "order_index",
        Integer,
        nullable=False,
        comment="Position within the course; each is taken once",
    ),
    json_array("learning_objectives", "learning objectives of the lesson", nullable=False),
    json_array("prerequisite_concepts", "the concepts that the lesson requires", nullable=False),
    Column(
        "estimated_minutes",
        Integer,
        nullable=False,
        server_default=ZERO,
        comment="Estimated effort in minutes",
    ),
    Column(
        "content_type",
        enums.lesson_content_type,
        server_default="mixed",
        comment="How the content is delivered",
    ),
    json_object("difficulty_progression", "how the difficulty progresses", nullable=False),
    Column("has_assessment", Boolean, server_default=FALSE),
    Column(
        "assessment_weight",
        Numeric(3, 2),
        server_default=ZERO,
        comment="Weight of the assessment of the lesson",
    ),
    created_at(),
    updated_at(),
    not_blank("title"),
    not_negative("order_index"),
    not_negative("estimated_minutes"),
    from_0_to(1, "assessment_weight"),
    UniqueConstraint("course_id", "order_index"),
    comment="Lessons of a course, in the order of order_index",
)
Index("idx_lessons_course", lessons.c.course_id, info=FAITHFUL)
Index("idx_lessons_course_order", lessons.c.course_id, lessons.c.order_index, info=FAITHFUL)
Index("idx_lessons_assessment", lessons.c.has_assessment, info=FAITHFUL)

sections = Table(
    "sections",
    metadata,
    identifier(),
    reference("lesson_id", "lessons", "CASCADE", nullable=False),
    Column("title", String(500), nullable=False),
    Column("content", Text, nullable=False),
    Column("section_type", enums.section_type, nullable=False),
    Column(
        "order_index",
        Integer,
        nullable=False,
        comment="Position within the lesson; each is taken once",
    ),
    Column(
        "interaction_type",
        enums.section_interaction,
        nullable=False,
        comment="What the learner does in the section",
    ),
    Column(
        "estimated_minutes",
        Integer,
        nullable=False,
        server_default=text("5"),
        comment="Estimated effort in minutes",
    ),
    json_object("multimedia_content", "multimedia that enhance the content"),
    json_object("interactive_elements", "interactive elements that enhance the content"),
    json_object("accessibility_features", "features that make the content accessible"),
    Column(
        "ai_generated", Boolean, server_default=FALSE, comment="Whether AI generated the content"
    ),
    json_object("content_quality_metrics", "quality metrics of content that AI generated"),
    created_at(),
    updated_at(),
    not_blank("title"),
    not_negative("order_index"),
    not_negative("estimated_minutes"),
    UniqueConstraint("lesson_id", "order_index"),
    comment="Sections of a lesson with their content, in the order of order_index",
)
Index("idx_sections_lesson", sections.c.lesson_id, info=FAITHFUL)
Index("idx_sections_lesson_order", sections.c.lesson_id, sections.c.order_index, info=FAITHFUL)
Index("idx_sections_type", sections.c.section_type, info=FAITHFUL)
Index("idx_sections_interaction", sections.c.interaction_type, info=FAITHFUL)
