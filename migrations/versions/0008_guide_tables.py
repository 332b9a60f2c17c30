"""What grading and rollups need of the guide's tables: keys, columns, an index; NULL for no value.

Revision ID: 0008_guide_tables
Revises: 0007_search
"""

# Made of steps as 0004_integrity is. docs/guide.md has the reasons.

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.backfill import Backfill
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn, DropDefaults, WidenType
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.trigger import Function, Trigger
from lmsschema.ddl.unique import Unique

revision = "0008_guide_tables"
down_revision = "0007_search"
branch_labels = None
depends_on = None

STEPS: tuple[steps.Step, ...] = (
    Unique("courses_id_institution_id_key", "courses", "id, institution_id"),
    Unique("enrollments_id_course_id_key", "enrollments", "id, course_id"),
    WidenType("enrollments", "grade_letter", "character varying(10)"),
    # when a learner left
    AddColumn("enrollments", "withdrawn_at", "TIMESTAMP WITH TIME ZONE"),
    Checks("enrollments", {"enrollments_withdrawn_at_finite_check": "isfinite(withdrawn_at)"}),
    Function(
        "note_withdrawal",
        """\

BEGIN
    IF new.enrollment_status <> 'withdrawn' THEN
        new.withdrawn_at := NULL;
    ELSIF new.withdrawn_at IS NULL AND TG_OP = 'UPDATE' AND old.enrollment_status = 'withdrawn' THEN
        new.withdrawn_at := coalesce(old.withdrawn_at, old.updated_at);
    ELSE
        new.withdrawn_at := coalesce(new.withdrawn_at, now());
    END IF;
    RETURN new;
END
""",
    ),
    Trigger(
        "note_withdrawal",
        "enrollments",
        "BEFORE INSERT OR UPDATE OF enrollment_status, withdrawn_at",
        "FOR EACH ROW\nEXECUTE FUNCTION note_withdrawal()",
    ),
    Backfill("enrollments", "withdrawn_at", "enrollment_status = 'withdrawn'"),
    # which events have come since
    PartitionedIndex(
        "idx_learning_events_server_time",
        "learning_events",
        "server_timestamp",
        method="brin",
        options={"pages_per_range": 32},
    ),
    # 0 is a value; nothing measured is none
    DropDefaults("lesson_progress", ("average_mastery_level", "overall_confidence")),
    DropDefaults("learning_sessions", ("engagement_score", "learning_velocity")),
    DropDefaults(
        "course_analytics",
        (
            "average_time_spent",
            "average_sessions_per_learner",
            "average_completion_rate",
            "average_mastery_score",
            "institution_percentile",
        ),
    ),
    DropDefaults(
        "learner_analytics",
        (
            "overall_mastery_score",
            "learning_velocity",
            "engagement_consistency",
            "success_probability",
        ),
    ),
)

DOWNGRADE = (
    """\
ALTER TABLE learner_analytics
ALTER COLUMN overall_mastery_score SET DEFAULT 0,
ALTER COLUMN learning_velocity SET DEFAULT 0,
ALTER COLUMN engagement_consistency SET DEFAULT 0,
ALTER COLUMN success_probability SET DEFAULT 0""",
    """\
ALTER TABLE course_analytics
ALTER COLUMN average_time_spent SET DEFAULT 0,
ALTER COLUMN average_sessions_per_learner SET DEFAULT 0,
ALTER COLUMN average_completion_rate SET DEFAULT 0,
ALTER COLUMN average_mastery_score SET DEFAULT 0,
ALTER COLUMN institution_percentile SET DEFAULT 0""",
    """\
ALTER TABLE learning_sessions
ALTER COLUMN engagement_score SET DEFAULT 0,
ALTER COLUMN learning_velocity SET DEFAULT 0""",
    """\
ALTER TABLE lesson_progress
ALTER COLUMN average_mastery_level SET DEFAULT 0,
ALTER COLUMN overall_confidence SET DEFAULT 0""",
    "DROP INDEX idx_learning_events_server_time",
    "DROP TRIGGER note_withdrawal ON enrollments",
    "DROP FUNCTION note_withdrawal()",
    """\
ALTER TABLE enrollments
DROP CONSTRAINT enrollments_id_course_id_key,
DROP COLUMN withdrawn_at,
ALTER COLUMN grade_letter TYPE VARCHAR(2)""",
    "ALTER TABLE courses DROP CONSTRAINT courses_id_institution_id_key",
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
