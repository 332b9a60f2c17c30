"""What lmsschema load keeps: identifiers of other systems, positions, rejected lines, void events.

Revision ID: 0011_pipeline
Revises: 0010_grades
"""

from alembic import op

revision = "0011_pipeline"
down_revision = "0010_grades"
branch_labels = None
depends_on = None

UPGRADE = (
    # external_ids
    """\
CREATE TABLE external_ids (
    institution_id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL,
    key TEXT NOT NULL,
    target UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT external_ids_pkey PRIMARY KEY (institution_id, kind, key),
    CONSTRAINT external_ids_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT external_ids_finite_values_check CHECK (isfinite(created_at))
)""",
    "COMMENT ON TABLE external_ids IS 'Identifiers of other systems, and the rows that they mean'",
    "COMMENT ON COLUMN external_ids.kind IS 'user, course, lesson or section'",
    "COMMENT ON COLUMN external_ids.key IS 'Identifier in the other system'",
    "COMMENT ON COLUMN external_ids.target IS 'id of the row that it means'",
    # load_sources
    """\
CREATE TABLE load_sources (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    institution_id UUID NOT NULL,
    format VARCHAR(20) NOT NULL,
    name TEXT NOT NULL,
    worker INTEGER NOT NULL DEFAULT 0,
    position BIGINT NOT NULL DEFAULT 0,
    line BIGINT NOT NULL DEFAULT 0,
    counts JSONB NOT NULL DEFAULT '{}',
    finished_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT load_sources_pkey PRIMARY KEY (id),
    CONSTRAINT load_sources_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT load_sources_position_not_negative_check CHECK (position >= 0),
    CONSTRAINT load_sources_line_not_negative_check CHECK (line >= 0),
    CONSTRAINT load_sources_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(counts)])),
    CONSTRAINT load_sources_finite_values_check CHECK (isfinite(finished_at) AND isfinite(created_at) AND isfinite(updated_at))
)""",
    "CREATE INDEX idx_load_sources_institution ON load_sources (institution_id)",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON load_sources
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    "COMMENT ON TABLE load_sources IS 'Files that are loaded, and how far'",
    "COMMENT ON COLUMN load_sources.id IS 'Made of the institution, the format, the content and the worker'",
    "COMMENT ON COLUMN load_sources.name IS 'Path of the file when it was first loaded'",
    "COMMENT ON COLUMN load_sources.position IS 'Bytes that are loaded, uncompressed'",
    "COMMENT ON COLUMN load_sources.line IS 'Lines that are loaded'",
    "COMMENT ON COLUMN load_sources.counts IS 'JSON object: number of lines by what became of them'",
    "COMMENT ON COLUMN load_sources.finished_at IS 'When the end was reached'",
    # rejected_records
    """\
CREATE TABLE rejected_records (
    institution_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    source_id UUID NOT NULL,
    line BIGINT NOT NULL,
    position BIGINT NOT NULL,
    reason VARCHAR(50) NOT NULL,
    detail TEXT NOT NULL,
    raw BYTEA NOT NULL,
    length BIGINT NOT NULL,
    state VARCHAR(20) NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT rejected_records_pkey PRIMARY KEY (institution_id, digest),
    CONSTRAINT rejected_records_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT rejected_records_line_not_negative_check CHECK (line >= 0),
    CONSTRAINT rejected_records_position_not_negative_check CHECK (position >= 0),
    CONSTRAINT rejected_records_length_not_negative_check CHECK (length >= 0),
    CONSTRAINT rejected_records_tries_not_negative_check CHECK (tries >= 0),
    CONSTRAINT rejected_records_finite_values_check CHECK (isfinite(created_at) AND isfinite(updated_at))
)""",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON rejected_records
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    "COMMENT ON TABLE rejected_records IS 'Lines that could not be loaded, or not as they were'",
    "COMMENT ON COLUMN rejected_records.digest IS 'SHA-256 of the line'",
    "COMMENT ON COLUMN rejected_records.source_id IS 'id in load_sources'",
    "COMMENT ON COLUMN rejected_records.line IS 'Number of the line, from 1'",
    "COMMENT ON COLUMN rejected_records.position IS 'Bytes before the line, uncompressed'",
    "COMMENT ON COLUMN rejected_records.raw IS 'The line as it was; of a line that is too long its beginning'",
    "COMMENT ON COLUMN rejected_records.length IS 'Bytes of the line'",
    "COMMENT ON COLUMN rejected_records.state IS 'rejected, loaded since, or changed when it was loaded'",
    "COMMENT ON COLUMN rejected_records.tries IS 'Number of retries'",
    # event_voidings
    """\
CREATE TABLE event_voidings (
    institution_id UUID NOT NULL,
    statement_id UUID NOT NULL,
    voided_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT event_voidings_pkey PRIMARY KEY (institution_id, statement_id),
    CONSTRAINT event_voidings_institution_id_fkey FOREIGN KEY (institution_id) REFERENCES institutions (id) ON DELETE CASCADE,
    CONSTRAINT event_voidings_finite_values_check CHECK (isfinite(created_at))
)""",
    "COMMENT ON TABLE event_voidings IS 'Events that are void, also those that have not come yet'",
    "COMMENT ON COLUMN event_voidings.statement_id IS 'Event that is void'",
    "COMMENT ON COLUMN event_voidings.voided_by IS 'Statement that voids it'",
    # voided_events
    """\
CREATE TABLE voided_events (
    id UUID NOT NULL,
    user_id UUID,
    course_id UUID,
    lesson_id UUID,
    section_id UUID,
    event_type VARCHAR(50) NOT NULL,
    event_category event_category NOT NULL,
    event_action VARCHAR(100) NOT NULL,
    learning_context JSONB NOT NULL DEFAULT '{}',
    event_data JSONB NOT NULL DEFAULT '{}',
    session_id UUID NOT NULL,
    device_info JSONB DEFAULT '{}',
    browser_info JSONB DEFAULT '{}',
    event_timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    server_timestamp TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    learning_value NUMERIC(3, 2),
    engagement_score NUMERIC(3, 2),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    voided_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT voided_events_pkey PRIMARY KEY (id, event_timestamp),
    CONSTRAINT voided_events_json_types_check CHECK ('object' = all(ARRAY[jsonb_typeof(learning_context), jsonb_typeof(event_data), jsonb_typeof(device_info), jsonb_typeof(browser_info)])),
    CONSTRAINT voided_events_finite_values_check CHECK (isfinite(event_timestamp) AND isfinite(server_timestamp) AND isfinite(created_at) AND isfinite(voided_at) AND learning_value <> 'NaN' AND engagement_score <> 'NaN')
)""",
    "CREATE INDEX idx_voided_events_voided ON voided_events (voided_at)",
    "COMMENT ON TABLE voided_events IS 'Events that are void, as they were in learning_events'",
    "COMMENT ON COLUMN voided_events.learning_context IS 'JSON object: as in learning_events'",
    "COMMENT ON COLUMN voided_events.event_data IS 'JSON object: as in learning_events'",
    "COMMENT ON COLUMN voided_events.device_info IS 'JSON object: as in learning_events'",
    "COMMENT ON COLUMN voided_events.browser_info IS 'JSON object: as in learning_events'",
)

DOWNGRADE = (
    "DROP TABLE voided_events",
    "DROP TABLE event_voidings",
    "DROP TABLE rejected_records",
    "DROP TABLE load_sources",
    "DROP TABLE external_ids",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
