"""Courses and enrollments can be referred to together with what they are of; longer grades.

Revision ID: 0008_grading_keys
Revises: 0007_search
"""

# Made of steps as 0004_integrity is. docs/guide.md has the reasons.

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.column import WidenType
from lmsschema.ddl.unique import Unique

revision = "0008_grading_keys"
down_revision = "0007_search"
branch_labels = None
depends_on = None

STEPS: tuple[steps.Step, ...] = (
    Unique("courses_id_institution_id_key", "courses", "id, institution_id"),
    Unique("enrollments_id_course_id_key", "enrollments", "id, course_id"),
    WidenType("enrollments", "grade_letter", "character varying(10)"),
)

DOWNGRADE = (
    """\
ALTER TABLE enrollments
DROP CONSTRAINT enrollments_id_course_id_key,
ALTER COLUMN grade_letter TYPE VARCHAR(2)""",
    "ALTER TABLE courses DROP CONSTRAINT courses_id_institution_id_key",
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
