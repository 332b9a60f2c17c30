"""What learners did each day, and how far the rollups are.

Revision ID: 0012_rollups
Revises: 0011_pipeline
"""

from alembic import op

revision = "0012_rollups"
down_revision = "0011_pipeline"
branch_labels = None
depends_on = None

UPGRADE = (
    # learner_course_daily
    """\
CREATE TABLE learner_course_daily (
    course_id UUID NOT NULL,
    user_id UUID NOT NULL,
    day DATE NOT NULL,
    events INTEGER NOT NULL,
    interactions INTEGER NOT NULL,
    active_seconds INTEGER NOT NULL,
    sections_completed INTEGER NOT NULL,
    hours INTEGER[] NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT learner_course_daily_pkey PRIMARY KEY (course_id, user_id, day),
    CONSTRAINT learner_course_daily_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT learner_course_daily_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT learner_course_daily_events_positive_check CHECK (events > 0),
    CONSTRAINT learner_course_daily_interactions_not_negative_check CHECK (interactions >= 0),
    CONSTRAINT learner_course_daily_active_seconds_within_a_day_check CHECK (active_seconds BETWEEN 0 AND 90600),
    CONSTRAINT learner_course_daily_sections_completed_not_negative_check CHECK (sections_completed >= 0),
    CONSTRAINT learner_course_daily_hours_of_a_day_check CHECK (cardinality(hours) = 24),
    CONSTRAINT learner_course_daily_last_at_not_before_first_at_check CHECK (last_at >= first_at),
    CONSTRAINT learner_course_daily_finite_values_check CHECK (isfinite(day) AND isfinite(first_at) AND isfinite(last_at))
)""",
    "CREATE INDEX idx_learner_course_daily_course_day ON learner_course_daily (course_id, day)",
    "CREATE INDEX idx_learner_course_daily_user_day ON learner_course_daily (user_id, day)",
    "COMMENT ON TABLE learner_course_daily IS 'What a learner did in a course on a day, computed from events; it outlives them'",
    "COMMENT ON COLUMN learner_course_daily.day IS 'On the clock of the learner''s institution'",
    "COMMENT ON COLUMN learner_course_daily.interactions IS 'Of category interaction, assessment or social'",
    "COMMENT ON COLUMN learner_course_daily.active_seconds IS 'Sum of the pauses of at most ten minutes after events of the day'",
    "COMMENT ON COLUMN learner_course_daily.hours IS 'Events by hour, from 0; NULL for none'",
    # rollup_state
    """\
CREATE TABLE rollup_state (
    name VARCHAR(50) NOT NULL,
    watermark TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT rollup_state_pkey PRIMARY KEY (name),
    CONSTRAINT rollup_state_finite_values_check CHECK (isfinite(watermark) AND isfinite(updated_at))
)""",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON rollup_state
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    "COMMENT ON TABLE rollup_state IS 'How far the rollups are'",
    "COMMENT ON COLUMN rollup_state.watermark IS 'What came until then has been taken up'",
)

DOWNGRADE = (
    "DROP TABLE rollup_state",
    "DROP TABLE learner_course_daily",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
