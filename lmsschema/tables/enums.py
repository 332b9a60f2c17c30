"""The 14 enumerations of the guide, in its order; the guide writes them inline and unnamed.

A type is named after its column where that says what it is, else after its table and column.
"""

from sqlalchemy.dialects.postgresql import ENUM

from lmsschema.tables._metadata import metadata


def _enum(name: str, *labels: str) -> ENUM:
    """Return a type that belongs to the metadata, so that two tables could share it."""
    return ENUM(*labels, name=name, metadata=metadata)


# foundation
education_level = _enum("education_level", "k12", "higher_ed", "corporate", "continuing_ed")
user_role = _enum("user_role", "student", "instructor", "admin", "ta", "observer")
course_difficulty = _enum("course_difficulty", "beginner", "intermediate", "advanced", "expert")
course_status = _enum("course_status", "draft", "published", "archived", "under_review")
course_visibility = _enum("course_visibility", "public", "institution", "private")
lesson_content_type = _enum("lesson_content_type", "video", "text", "interactive", "mixed")
section_type = _enum("section_type", "introduction", "content", "activity", "assessment", "summary")
section_interaction = _enum(
    "section_interaction", "read", "watch", "practice", "quiz", "discussion"
)

# progress
enrollment_status = _enum("enrollment_status", "active", "completed", "withdrawn", "suspended")
section_completion_status = _enum(
    "section_completion_status", "not_started", "in_progress", "completed", "reviewed"
)
mastery_level = _enum("mastery_level", "struggling", "developing", "proficient", "advanced")

# analytics
event_category = _enum(
    "event_category", "navigation", "interaction", "assessment", "progress", "social"
)
session_outcome = _enum("session_outcome", "completed", "abandoned", "interrupted")
analysis_period = _enum("analysis_period", "daily", "weekly", "monthly", "semester")
