"""The schema of the guide as SQLAlchemy Core tables: the single source of what a database holds.

One module a part of the guide, two for the third. An application imports tables and enumerations
from here to read and write rows: ``from lmsschema.tables import CourseStatus, courses``.
"""

from typing import TYPE_CHECKING, cast

from lmsschema.tables._metadata import metadata

from lmsschema.tables import foundation, progress, events, analytics  # isort: skip  # the guide's order
from lmsschema.tables import _create_all, updated_at, values
from lmsschema.tables.enums import (
    AnalysisPeriod,
    CourseDifficulty,
    CourseStatus,
    CourseVisibility,
    EducationLevel,
    EnrollmentStatus,
    EventCategory,
    LessonContentType,
    MasteryLevel,
    SectionCompletionStatus,
    SectionInteraction,
    SectionType,
    SessionOutcome,
    UserRole,
)

if TYPE_CHECKING:
    from sqlalchemy import Table

    from lmsschema.tables import columns

institutions = cast("Table[columns.Institutions]", foundation.institutions)
users = cast("Table[columns.Users]", foundation.users)
courses = cast("Table[columns.Courses]", foundation.courses)
lessons = cast("Table[columns.Lessons]", foundation.lessons)
sections = cast("Table[columns.Sections]", foundation.sections)
enrollments = cast("Table[columns.Enrollments]", progress.enrollments)
section_progress = cast("Table[columns.SectionProgress]", progress.section_progress)
lesson_progress = cast("Table[columns.LessonProgress]", progress.lesson_progress)
learning_events = cast("Table[columns.LearningEvents]", events.learning_events)
learning_sessions = cast("Table[columns.LearningSessions]", events.learning_sessions)
course_analytics = cast("Table[columns.CourseAnalytics]", analytics.course_analytics)
learner_analytics = cast("Table[columns.LearnerAnalytics]", analytics.learner_analytics)

#: The schema's own tables, in the guide's order: an application may add its own to the metadata.
TABLES = tuple(metadata.tables.values())

_create_all.listen(metadata)

__all__ = [
    "TABLES",
    "AnalysisPeriod",
    "CourseDifficulty",
    "CourseStatus",
    "CourseVisibility",
    "EducationLevel",
    "EnrollmentStatus",
    "EventCategory",
    "LessonContentType",
    "MasteryLevel",
    "SectionCompletionStatus",
    "SectionInteraction",
    "SectionType",
    "SessionOutcome",
    "UserRole",
    "analytics",
    "course_analytics",
    "courses",
    "enrollments",
    "events",
    "foundation",
    "institutions",
    "learner_analytics",
    "learning_events",
    "learning_sessions",
    "lesson_progress",
    "lessons",
    "metadata",
    "progress",
    "section_progress",
    "sections",
    "updated_at",
    "users",
    "values",
]
