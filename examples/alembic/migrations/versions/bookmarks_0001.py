"""Bookmarks, and the log of who read them.

Revision ID: bookmarks_0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "bookmarks_0001"
down_revision = None
branch_labels = ("bookmarks",)
depends_on = "0004_integrity"


def upgrade() -> None:
    op.create_table(
        "bookmarks",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="bookmarks_user_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name="bookmarks_section_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("idx_bookmarks_user", "bookmarks", ["user_id"])
    op.create_index("idx_bookmarks_section", "bookmarks", ["section_id"])
    op.create_table(
        "bookmark_reads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column(
            "read_at",
            sa.DateTime(timezone=True),
            primary_key=True,
            server_default=sa.text("now()"),
        ),
        sa.Column("bookmark_id", sa.Uuid(), nullable=False),
        postgresql_partition_by="RANGE (read_at)",
    )


def downgrade() -> None:
    op.drop_table("bookmark_reads")
    op.drop_table("bookmarks")
