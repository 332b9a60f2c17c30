"""The metadata of all tables, the names of their constraints, and the columns that they share."""

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

#: The names that PostgreSQL itself would choose, so that a schema made by hand has the same ones.
NAMING_CONVENTION = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)

#: ``TIMESTAMP WITH TIME ZONE``, the only type of an instant here.
Timestamp = DateTime(timezone=True)

NOW = text("now()")
ZERO = text("0")
FALSE = text("false")


def identifier(comment: str | None = None) -> Column[Any]:
    """Return the key that every table has: a random UUID, made by the database."""
    return Column(
        "id", Uuid, primary_key=True, server_default=text("gen_random_uuid()"), comment=comment
    )


def reference(name: str, table: str, ondelete: str, comment: str | None = None) -> Column[Any]:
    """Return a column that refers to the ``id`` of a table.

    Args:
        name: The column's name.
        table: The table that it refers to.
        ondelete: What happens when the row referred to is deleted: CASCADE or SET NULL.
        comment: The column's comment.
    """
    return Column(name, Uuid, ForeignKey(f"{table}.id", ondelete=ondelete), comment=comment)


def json_object(name: str, holds: str, *, nullable: bool = True) -> Column[Any]:
    """Return a JSONB column that is an empty object by default."""
    return Column(
        name,
        JSONB,
        nullable=nullable,
        server_default=text("'{}'"),
        comment=f"JSON object: {holds}",
    )


def json_array(name: str, holds: str, *, nullable: bool = True) -> Column[Any]:
    """Return a JSONB column that is an empty array by default."""
    return Column(
        name,
        JSONB,
        nullable=nullable,
        server_default=text("'[]'"),
        comment=f"JSON array: {holds}",
    )


def created_at() -> Column[Any]:
    """Return the column of the time at which the row was inserted."""
    return Column("created_at", Timestamp, server_default=NOW)


def updated_at() -> Column[Any]:
    """Return the column of the time at which the row was last changed."""
    return Column("updated_at", Timestamp, server_default=NOW)
