"""The tables of a small application: bookmarks in sections, and when they were read."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)

from lmsschema.tables import foundation

metadata = MetaData()

bookmarks = Table(
    "bookmarks",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column(
        "user_id",
        ForeignKey(foundation.users.c.id, ondelete="CASCADE", name="bookmarks_user_id_fkey"),
        nullable=False,
    ),
    Column(
        "section_id",
        ForeignKey(foundation.sections.c.id, ondelete="CASCADE", name="bookmarks_section_id_fkey"),
        nullable=False,
    ),
    Column("note", Text),
    Index("idx_bookmarks_user", "user_id"),
    Index("idx_bookmarks_section", "section_id"),
)

#: lmsschema.toml says that lmsschema keeps its partitions.
bookmark_reads = Table(
    "bookmark_reads",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("read_at", DateTime(timezone=True), primary_key=True, server_default=text("now()")),
    Column("bookmark_id", Uuid, nullable=False),
    postgresql_partition_by="RANGE (read_at)",
)
