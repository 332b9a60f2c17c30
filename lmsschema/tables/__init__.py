"""The schema of the guide as SQLAlchemy Core tables: the single source of what a database holds.

One module a part of the guide, two for the third, six for section 9, one for section 4. An
application imports tables and enumerations from here to read and write rows:
``from lmsschema.tables import CourseStatus, courses``.

The import itself builds nothing; the first name that is asked for builds all tables at once, so
that the metadata is never without some of them. Programs that import this package and use no table
start as fast as without it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmsschema.tables import (
        analytics,
        assessment,
        attempts,
        events,
        foundation,
        gradebook,
        judgements,
        pipeline,
        progress,
        question_bank,
        results,
        rollups,
        updated_at,
        values,
    )
    from lmsschema.tables._all import (
        TABLES,
        assessment_attempts,
        assessment_groups,
        assessment_items,
        assessment_overrides,
        assessment_versions,
        assessments,
        course_analytics,
        course_grades,
        courses,
        enrollments,
        event_voidings,
        external_ids,
        grade_changes,
        gradebooks,
        grades,
        grading_periods,
        grading_scheme_levels,
        grading_schemes,
        gradings,
        institutions,
        item_responses,
        late_policies,
        learner_analytics,
        learner_course_daily,
        learner_group_members,
        learner_groups,
        learning_events,
        learning_sessions,
        lesson_progress,
        lessons,
        load_sources,
        question_versions,
        questions,
        recalculations,
        rejected_records,
        rollup_state,
        rubric_criteria,
        rubric_ratings,
        rubrics,
        section_progress,
        sections,
        users,
        voided_events,
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
    from lmsschema.tables.grading_enums import (
        AssessmentKind,
        AttemptStatus,
        GradeChangeKind,
        GradeStatus,
        GroupAggregation,
        LateBasis,
        LateInterval,
        QuestionType,
        RecalculationKind,
        ScorePolicy,
    )

__all__ = [
    "TABLES",
    "AnalysisPeriod",
    "AssessmentKind",
    "AttemptStatus",
    "CourseDifficulty",
    "CourseStatus",
    "CourseVisibility",
    "EducationLevel",
    "EnrollmentStatus",
    "EventCategory",
    "GradeChangeKind",
    "GradeStatus",
    "GroupAggregation",
    "LateBasis",
    "LateInterval",
    "LessonContentType",
    "MasteryLevel",
    "QuestionType",
    "RecalculationKind",
    "ScorePolicy",
    "SectionCompletionStatus",
    "SectionInteraction",
    "SectionType",
    "SessionOutcome",
    "UserRole",
    "analytics",
    "assessment",
    "assessment_attempts",
    "assessment_groups",
    "assessment_items",
    "assessment_overrides",
    "assessment_versions",
    "assessments",
    "attempts",
    "course_analytics",
    "course_grades",
    "courses",
    "enrollments",
    "event_voidings",
    "events",
    "external_ids",
    "foundation",
    "grade_changes",
    "gradebook",
    "gradebooks",
    "grades",
    "grading_periods",
    "grading_scheme_levels",
    "grading_schemes",
    "gradings",
    "institutions",
    "item_responses",
    "judgements",
    "late_policies",
    "learner_analytics",
    "learner_course_daily",
    "learner_group_members",
    "learner_groups",
    "learning_events",
    "learning_sessions",
    "lesson_progress",
    "lessons",
    "load_sources",
    "metadata",
    "pipeline",
    "progress",
    "question_bank",
    "question_versions",
    "questions",
    "recalculations",
    "rejected_records",
    "results",
    "rollup_state",
    "rollups",
    "rubric_criteria",
    "rubric_ratings",
    "rubrics",
    "section_progress",
    "sections",
    "updated_at",
    "users",
    "values",
    "voided_events",
]


def __getattr__(name: str) -> object:
    """Build the tables, once, and return one of the names above."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    for module in ("_all", "enums", "grading_enums"):
        built = vars(importlib.import_module(f"{__name__}.{module}"))
        globals().update((key, built[key]) for key in built.keys() & set(__all__))
    return globals()[name]


def __dir__() -> list[str]:
    """Return the names above, also those that are not built yet."""
    return sorted({*globals(), *__all__})
