"""What ``lmsschema load`` keeps: who is who, how far it is, what was rejected or voided.

Nobody who reads the schema for learning needs these tables.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
)

from lmsschema.tables import enums
from lmsschema.tables._metadata import (
    NOW,
    ZERO,
    Timestamp,
    created_at,
    identifier,
    json_object,
    metadata,
    not_negative,
    reference,
    updated_at,
)


def _institution() -> Column[Any]:
    """Return the first column of a key that an institution has of its own."""
    key = ForeignKey("institutions.id", ondelete="CASCADE")
    return Column("institution_id", Uuid, key, primary_key=True)


external_ids = Table(
    "external_ids",
    metadata,
    _institution(),
    Column("kind", String(20), primary_key=True, comment="user, course, lesson or section"),
    Column("key", Text, primary_key=True, comment="Identifier in the other system"),
    Column("target", Uuid, nullable=False, comment="id of the row that it means"),
    created_at(),
    comment="Identifiers of other systems, and the rows that they mean",
)

load_sources = Table(
    "load_sources",
    metadata,
    identifier(comment="Made of the institution, the format, the content and the worker"),
    reference("institution_id", "institutions", "CASCADE", nullable=False),
    Column("format", String(20), nullable=False),
    Column("name", Text, nullable=False, comment="Path of the file when it was first loaded"),
    Column("worker", Integer, nullable=False, server_default=ZERO),
    Column(
        "position",
        BigInteger,
        nullable=False,
        server_default=ZERO,
        comment="Bytes that are loaded, uncompressed",
    ),
    Column(
        "line", BigInteger, nullable=False, server_default=ZERO, comment="Lines that are loaded"
    ),
    json_object("counts", "number of lines by what became of them", nullable=False),
    Column("finished_at", Timestamp, comment="When the end was reached"),
    created_at(),
    updated_at(),
    not_negative("position"),
    not_negative("line"),
    comment="Files that are loaded, and how far",
)
Index("idx_load_sources_institution", load_sources.c.institution_id)

rejected_records = Table(
    "rejected_records",
    metadata,
    _institution(),
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the line"),
    Column("source_id", Uuid, nullable=False, comment="id in load_sources"),
    Column("line", BigInteger, nullable=False, comment="Number of the line, from 1"),
    Column("position", BigInteger, nullable=False, comment="Bytes before the line, uncompressed"),
    Column("reason", String(50), nullable=False),
    Column("detail", Text, nullable=False),
    Column(
        "raw",
        LargeBinary,
        nullable=False,
        comment="The line as it was; of a line that is too long its beginning",
    ),
    Column("length", BigInteger, nullable=False, comment="Bytes of the line"),
    Column(
        "state",
        String(20),
        nullable=False,
        comment="rejected, loaded since, or changed when it was loaded",
    ),
    Column("tries", Integer, nullable=False, server_default=ZERO, comment="Number of retries"),
    created_at(),
    updated_at(),
    not_negative("line"),
    not_negative("position"),
    not_negative("length"),
    not_negative("tries"),
    comment="Lines that could not be loaded, or not as they were",
)

event_voidings = Table(
    "event_voidings",
    metadata,
    _institution(),
    Column("statement_id", Uuid, primary_key=True, comment="Event that is void"),
    Column("voided_by", Uuid, nullable=False, comment="Statement that voids it"),
    created_at(),
    comment="Events that are void, also those that have not come yet",
)

voided_events = Table(
    "voided_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid),
    Column("course_id", Uuid),
    Column("lesson_id", Uuid),
    Column("section_id", Uuid),
    Column("event_type", String(50), nullable=False),
    Column("event_category", enums.event_category, nullable=False),
    Column("event_action", String(100), nullable=False),
    json_object("learning_context", "as in learning_events", nullable=False),
    json_object("event_data", "as in learning_events", nullable=False),
    Column("session_id", Uuid, nullable=False),
    json_object("device_info", "as in learning_events"),
    json_object("browser_info", "as in learning_events"),
    Column("event_timestamp", Timestamp, primary_key=True),
    Column("server_timestamp", Timestamp, nullable=False, server_default=NOW),
    Column("learning_value", Numeric(3, 2)),
    Column("engagement_score", Numeric(3, 2)),
    created_at(),
    Column("voided_at", Timestamp, nullable=False, server_default=NOW),
    comment="Events that are void, as they were in learning_events",
)
Index("idx_voided_events_voided", voided_events.c.voided_at)
