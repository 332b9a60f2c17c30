"""The publications that a change of the default partition would reach."""

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError


def refuse_if_any(database: Database, default: str, *, copies: bool) -> None:
    """Raise UnsafeError if subscribers would be sent rows of a table that they do not have.

    Args:
        database: Where.
        default: The default partition, which another table replaces.
        copies: Whether rows are copied, which a publication of all tables would publish.
    """
    with database.transaction(read_only=True) as conn:
        rows = conn.execute(
            query("partition_manager/publications"),
            {"schema": database.schema, "default": default, "copies": copies},
        ).fetchall()
    if rows:
        names = [name for (name,) in rows]
        raise UnsafeError(
            f"rows of {default} were not moved: publication {', '.join(names)} would publish "
            "another table in its place, which subscribers do not have",
            hint='docs/partitions.md says how to move them, under "Logical replication".',
            details={"publications": names},
        )
