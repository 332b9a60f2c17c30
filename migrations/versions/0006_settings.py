"""A database says which index profile it has.

Revision ID: 0006_settings
Revises: 0005_consistency
"""

from alembic import op

revision = "0006_settings"
down_revision = "0005_consistency"
branch_labels = None
depends_on = None

# without a row the profile is faithful: what the revisions make
UPGRADE = (
    """\
CREATE TABLE lmsschema_settings (
    one_row BOOLEAN NOT NULL DEFAULT true,
    profile TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT lmsschema_settings_pkey PRIMARY KEY (one_row),
    CONSTRAINT lmsschema_settings_one_row_check CHECK (one_row)
)""",
    "COMMENT ON TABLE lmsschema_settings IS 'Settings of lmsschema; without a row the index profile is faithful'",
    "COMMENT ON COLUMN lmsschema_settings.one_row IS 'Always true: the table has one row at most'",
    "COMMENT ON COLUMN lmsschema_settings.profile IS 'Index profile: faithful or lean'",
)

DOWNGRADE = ("DROP TABLE lmsschema_settings",)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
