"""All tables, in the order of the guide, with the rules and the triggers that every table has."""

# ruff: noqa: PLR0402  "from lmsschema.tables import" would ask the package, which asks this module
from typing import TYPE_CHECKING, cast

from lmsschema.tables._metadata import metadata

import lmsschema.tables.foundation as foundation  # isort: skip  # in the guide's order
import lmsschema.tables.progress as progress  # isort: skip
import lmsschema.tables.events as events  # isort: skip
import lmsschema.tables.analytics as analytics  # isort: skip
import lmsschema.tables.pipeline as pipeline  # isort: skip
import lmsschema.tables.gradebook as gradebook  # isort: skip
import lmsschema.tables.assessment as assessment  # isort: skip
import lmsschema.tables.question_bank as question_bank  # isort: skip
import lmsschema.tables.attempts as attempts  # isort: skip
import lmsschema.tables.judgements as judgements  # isort: skip
import lmsschema.tables.results as results  # isort: skip
import lmsschema.tables.rollups as rollups  # isort: skip
import lmsschema.tables._create_all as _create_all
import lmsschema.tables.purposes as purposes
import lmsschema.tables.values as values

if TYPE_CHECKING:
    from sqlalchemy import Table

    from lmsschema.tables import (
        columns,
        grade_columns,
        grading_columns,
        pipeline_columns,
        rollup_columns,
    )

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
external_ids = cast("Table[pipeline_columns.ExternalIds]", pipeline.external_ids)
load_sources = cast("Table[pipeline_columns.LoadSources]", pipeline.load_sources)
rejected_records = cast("Table[pipeline_columns.RejectedRecords]", pipeline.rejected_records)
event_voidings = cast("Table[pipeline_columns.EventVoidings]", pipeline.event_voidings)
voided_events = cast("Table[pipeline_columns.VoidedEvents]", pipeline.voided_events)
grading_schemes = cast("Table[grading_columns.GradingSchemes]", gradebook.grading_schemes)
grading_scheme_levels = cast(
    "Table[grading_columns.GradingSchemeLevels]", gradebook.grading_scheme_levels
)
gradebooks = cast("Table[grading_columns.Gradebooks]", gradebook.gradebooks)
grading_periods = cast("Table[grading_columns.GradingPeriods]", gradebook.grading_periods)
late_policies = cast("Table[grading_columns.LatePolicies]", gradebook.late_policies)
assessment_groups = cast("Table[grading_columns.AssessmentGroups]", gradebook.assessment_groups)
learner_groups = cast("Table[grading_columns.LearnerGroups]", assessment.learner_groups)
learner_group_members = cast(
    "Table[grading_columns.LearnerGroupMembers]", assessment.learner_group_members
)
assessments = cast("Table[grading_columns.Assessments]", assessment.assessments)
assessment_overrides = cast(
    "Table[grading_columns.AssessmentOverrides]", assessment.assessment_overrides
)
questions = cast("Table[grade_columns.Questions]", question_bank.questions)
question_versions = cast("Table[grade_columns.QuestionVersions]", question_bank.question_versions)
assessment_versions = cast(
    "Table[grade_columns.AssessmentVersions]", question_bank.assessment_versions
)
assessment_items = cast("Table[grade_columns.AssessmentItems]", question_bank.assessment_items)
assessment_attempts = cast("Table[grade_columns.AssessmentAttempts]", attempts.assessment_attempts)
item_responses = cast("Table[grade_columns.ItemResponses]", attempts.item_responses)
rubrics = cast("Table[grade_columns.Rubrics]", judgements.rubrics)
rubric_criteria = cast("Table[grade_columns.RubricCriteria]", judgements.rubric_criteria)
gradings = cast("Table[grade_columns.Gradings]", judgements.gradings)
rubric_ratings = cast("Table[grade_columns.RubricRatings]", judgements.rubric_ratings)
grades = cast("Table[grade_columns.Grades]", results.grades)
course_grades = cast("Table[grade_columns.CourseGrades]", results.course_grades)
grade_changes = cast("Table[grade_columns.GradeChanges]", results.grade_changes)
recalculations = cast("Table[grade_columns.Recalculations]", results.recalculations)

learner_course_daily = cast(
    "Table[rollup_columns.LearnerCourseDaily]", rollups.learner_course_daily
)
rollup_state = cast("Table[rollup_columns.RollupState]", rollups.rollup_state)

#: The schema's own tables, in the guide's order: an application may add its own to the metadata.
TABLES = tuple(metadata.tables.values())

values.add_rules(TABLES)
purposes.add(TABLES)
_create_all.listen(metadata)
