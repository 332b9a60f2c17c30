"""All tables, in the order of the guide, with the rules and the triggers that every table has."""

# ruff: noqa: PLR0402  "from lmsschema.tables import" would ask the package, which asks this module
from typing import TYPE_CHECKING, cast

from lmsschema.tables._metadata import metadata

import lmsschema.tables.foundation as foundation  # isort: skip  # in the guide's order
import lmsschema.tables.progress as progress  # isort: skip
import lmsschema.tables.events as events  # isort: skip
import lmsschema.tables.analytics as analytics  # isort: skip
import lmsschema.tables._create_all as _create_all
import lmsschema.tables.purposes as purposes
import lmsschema.tables.values as values

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

values.add_rules(TABLES)
purposes.add(TABLES)
_create_all.listen(metadata)
