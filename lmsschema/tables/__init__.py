"""The schema of the guide as SQLAlchemy Core tables: the single source of what a database holds.

One module a part of the guide, two for the third. An application imports tables and enumerations
from here to read and write rows: ``from lmsschema.tables import CourseStatus, courses``.

The import itself builds nothing; the first name that is asked for builds all tables at once, so
that the metadata is never without some of them. Programs that import this package and use no table
start as fast as without it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmsschema.tables import analytics, events, foundation, progress, updated_at, values
    from lmsschema.tables._all import (
        TABLES,
        course_analytics,
        courses,
        enrollments,
        institutions,
        learner_analytics,
        learning_events,
        learning_sessions,
        lesson_progress,
        lessons,
        section_progress,
        sections,
        users,
    )
    from lmsschema.tables._metadata import metadata
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


def __getattr__(name: str) -> object:
    """Build the tables, once, and return one of the names above."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    for module in ("_all", "enums"):
        built = vars(importlib.import_module(f"{__name__}.{module}"))
        globals().update((key, built[key]) for key in built.keys() & set(__all__))
    return globals()[name]


def __dir__() -> list[str]:
    """Return the names above, also those that are not built yet."""
    return sorted({*globals(), *__all__})
