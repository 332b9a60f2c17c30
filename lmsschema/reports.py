"""The reports: views for readers, each with its question, what finds its rows, and what it costs.

Each is a view of the same name with ``report_`` before it (``lmsschema/tables/views/``), which a
role reads with its own rights. docs/reports.md lists their columns.
"""

import dataclasses
from types import MappingProxyType

#: What the name of a report's view begins with.
PREFIX = "report_"

#: Option of the command → the column of a report that it compares.
FILTERS = MappingProxyType(
    {
        "institution": "institution_id",
        "course": "course_id",
        "assessment": "assessment_id",
        "user": "user_id",
    }
)


@dataclasses.dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        name: What the command calls it.
        question: What it answers; the comment of its view.
        filters: The options that choose its rows; the first is the usual one.
        order: The order of its rows, in SQL.
        index: The index that finds the rows of the usual choice.
        cost: Milliseconds of the usual choice at a million events, as benchmarks/reports.py
            measures them.
    """

    name: str
    question: str
    filters: tuple[str, ...]
    order: str
    index: str
    cost: int

    @property
    def view(self) -> str:
        """The name of its view."""
        return PREFIX + self.name.replace("-", "_")


_ALL = ("course", "institution", "assessment", "user")
_OF_LEARNERS = ("course", "institution", "user")
_OF_ASSESSMENTS = ("course", "institution", "assessment")
_OF_COURSES = ("institution", "course")

#: The reports by name; a view comes after those that it reads.
REPORTS = MappingProxyType(
    {
        report.name: report
        for report in (
            Report(
                "gradebook",
                "What has each learner of a course in each assessment?",
                _ALL,
                "course_id, user_id, due_at, assessment_id",
                "grades_enrollment_id_assessment_id_key",
                163,
            ),
            Report(
                "missing-work",
                "What was due and is not handed in, and can it still be?",
                _ALL,
                "course_id, due_at, assessment_id, user_id",
                "grades_enrollment_id_assessment_id_key",
                122,
            ),
            Report(
                "course-grades",
                "Which grades do learners have in a course and its periods?",
                _OF_LEARNERS,
                "course_id, user_id, grading_period_id NULLS FIRST",
                "idx_enrollments_course",
                9,
            ),
            Report(
                "at-risk-learners",
                "Which active learners are at risk, and why?",
                _OF_LEARNERS,
                "course_id, user_id",
                "idx_enrollments_course",
                22,
            ),
            Report(
                "assessment-statistics",
                "How did assessments turn out?",
                _OF_ASSESSMENTS,
                "course_id, title, assessment_id",
                "idx_grades_assessment_score",
                21,
            ),
            Report(
                "item-analysis",
                "Which questions are too hard, too easy, or wrong, by first attempts?",
                _OF_ASSESSMENTS,
                "course_id, assessment_id, discrimination, assessment_item_id",
                "item_responses_attempt_id_assessment_item_id_key",
                27,
            ),
            Report(
                "grading-queue",
                "What waits to be graded, and for how long?",
                _OF_ASSESSMENTS,
                "submitted_at, attempt_id",
                "idx_assessment_attempts_to_grade",
                7,
            ),
            Report(
                "instructor-workload",
                "How much do instructors have to do, and how long does it take?",
                ("institution", "user"),
                "waiting DESC, user_id",
                "idx_assessment_attempts_to_grade",
                307,
            ),
            Report(
                "course-funnel",
                "How far do the learners of a course get?",
                _OF_COURSES,
                "title, course_id",
                "idx_enrollments_course",
                13,
            ),
            Report(
                "engagement-heatmap",
                "On which weekdays and at which hours do learners work?",
                ("course", "institution"),
                "course_id, month_start, iso_weekday, hour_of_day",
                "idx_learner_course_daily_course_day",
                77,
            ),
            Report(
                "completion-cohorts",
                "Of those who joined in a month, how many completed, and how many left?",
                _OF_COURSES,
                "course_id, cohort",
                "idx_enrollments_course",
                58,
            ),
            Report(
                "institution-overview",
                "How large and how busy is an institution?",
                ("institution",),
                "name, institution_id",
                "idx_assessment_attempts_to_grade",
                28,
            ),
        )
    }
)
