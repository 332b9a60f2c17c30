"""What depends on a table that is to be dropped or exchanged: looked for beforehand."""

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.partitions import Policy


def refuse_if_any(
    database: Database, policy: Policy, table: str, what: str, *, own: bool = False
) -> None:
    """Raise UnsafeError if something depends on a table: a view, a function, a foreign key.

    Args:
        database: Where.
        policy: The policy of its partitioned table.
        table: The table.
        what: What is not done to it: ``dropped``.
        own: Whether triggers and indexes count that the table has itself, and not from its
            partitioned table: another table would take its place without them.
    """
    with database.transaction(read_only=True) as conn:
        found = conn.execute(
            query("partition_manager/dependents"),
            {"schema": database.schema, "table": table, "own": own, "log": policy.log_name},
        ).fetchall()
    if found:
        names, statements = zip(*found, strict=True)
        raise UnsafeError(
            f"{table} was not {what}: {', '.join(names)} would be lost",
            hint="Drop it, run the command again, and create it anew on what it is to read: "
            + " ".join(statements),
            details={"table": table, "dependents": list(names), "statements": list(statements)},
        )
