"""Users have a number of bookmarks that they may keep, and are found by it.

Revision ID: bookmarks_0002
Revises: bookmarks_0001
"""

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn
from lmsschema.ddl.index import Index

revision = "bookmarks_0002"
down_revision = "bookmarks_0001"
branch_labels = None
depends_on = None

STEPS: tuple[steps.Step, ...] = (
    AddColumn("users", "bookmarks_max", "INTEGER NOT NULL DEFAULT 100"),
    Checks("users", {"users_bookmarks_max_not_negative_check": "bookmarks_max >= 0"}),
    Index("idx_users_bookmarks_max", "users", "bookmarks_max"),
)


def upgrade() -> None:
    steps.apply(op, STEPS)


def downgrade() -> None:
    op.drop_column("users", "bookmarks_max")
