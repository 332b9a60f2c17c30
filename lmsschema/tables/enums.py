"""The 14 enumerations of the guide, in its order; the guide writes them inline and unnamed.

A type is named after its column where that says what it is, else after its table and column. Each
is a StrEnum for programs, and under the type's own name what columns are declared with.
"""

from enum import StrEnum

from lmsschema.tables._labels import label_type

# foundation


class EducationLevel(StrEnum):
    """Kind of education that an institution gives (``institutions.education_level``)."""

    K12 = "k12"
    HIGHER_ED = "higher_ed"
    CORPORATE = "corporate"
    CONTINUING_ED = "continuing_ed"


education_level = label_type("education_level", EducationLevel)


class UserRole(StrEnum):
    """Educational role of a user (``users.role``); ``ta`` is a teaching assistant."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    ADMIN = "admin"
    TA = "ta"
    OBSERVER = "observer"


user_role = label_type("user_role", UserRole)


class CourseDifficulty(StrEnum):
    """How difficult a course is (``courses.difficulty_level``)."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"
    EXPERT = "expert"


course_difficulty = label_type("course_difficulty", CourseDifficulty)


class CourseStatus(StrEnum):
    """State of publication of a course (``courses.status``)."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"
    UNDER_REVIEW = "under_review"


course_status = label_type("course_status", CourseStatus)


class CourseVisibility(StrEnum):
    """Who has access to a course (``courses.visibility``)."""

    PUBLIC = "public"
    INSTITUTION = "institution"
    PRIVATE = "private"


course_visibility = label_type("course_visibility", CourseVisibility)


class LessonContentType(StrEnum):
    """How the content of a lesson is delivered (``lessons.content_type``)."""

    VIDEO = "video"
    TEXT = "text"
    INTERACTIVE = "interactive"
    MIXED = "mixed"


lesson_content_type = label_type("lesson_content_type", LessonContentType)


class SectionType(StrEnum):
    """What a section is for (``sections.section_type``)."""

    INTRODUCTION = "introduction"
    CONTENT = "content"
    ACTIVITY = "activity"
    ASSESSMENT = "assessment"
    SUMMARY = "summary"


section_type = label_type("section_type", SectionType)


class SectionInteraction(StrEnum):
    """What the learner does in a section (``sections.interaction_type``)."""

    READ = "read"
    WATCH = "watch"
    PRACTICE = "practice"
    QUIZ = "quiz"
    DISCUSSION = "discussion"


section_interaction = label_type("section_interaction", SectionInteraction)

# progress


class EnrollmentStatus(StrEnum):
    """State of an enrollment (``enrollments.enrollment_status``)."""

    ACTIVE = "active"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    SUSPENDED = "suspended"


enrollment_status = label_type("enrollment_status", EnrollmentStatus)


class SectionCompletionStatus(StrEnum):
    """How far a section is completed (``section_progress.completion_status``)."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REVIEWED = "reviewed"


section_completion_status = label_type("section_completion_status", SectionCompletionStatus)


class MasteryLevel(StrEnum):
    """How well what a section teaches is mastered (``section_progress.mastery_level``)."""

    STRUGGLING = "struggling"
    DEVELOPING = "developing"
    PROFICIENT = "proficient"
    ADVANCED = "advanced"


mastery_level = label_type("mastery_level", MasteryLevel)

# analytics


class EventCategory(StrEnum):
    """Category of an event (``learning_events.event_category``)."""

    NAVIGATION = "navigation"
    INTERACTION = "interaction"
    ASSESSMENT = "assessment"
    PROGRESS = "progress"
    SOCIAL = "social"


event_category = label_type("event_category", EventCategory)


class SessionOutcome(StrEnum):
    """How a session ended (``learning_sessions.session_outcome``)."""

    COMPLETED = "completed"
    ABANDONED = "abandoned"
    INTERRUPTED = "interrupted"


session_outcome = label_type("session_outcome", SessionOutcome)


class AnalysisPeriod(StrEnum):
    """Kind of period over which a row aggregates (``course_analytics.analysis_period``)."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    SEMESTER = "semester"


analysis_period = label_type("analysis_period", AnalysisPeriod)
