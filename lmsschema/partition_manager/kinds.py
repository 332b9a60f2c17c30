"""What of a partition that is no plain table is refused by name, with the statements that help.

A month that has partitions of its own is detached, restored, exported and dropped as one. Rows of a
foreign table are another server's: it can't be locked, and dropping it deletes no row.
"""

from psycopg import sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.partitions import Partition, Policy


def refuse_foreign(policy: Policy, partition: Partition) -> None:
    """Raise UnsafeError if a partition that is to be detached is a foreign table."""
    if partition.kind == "foreign table":
        raise UnsafeError(
            f"{partition.name} was not detached: it is a foreign table, whose rows are another "
            "server's",
            hint=sql.SQL("ALTER TABLE {} DETACH PARTITION {};")
            .format(sql.Identifier(policy.table), sql.Identifier(partition.name))
            .as_string(),
            details={"partition": partition.name},
        )


def refuse_default(database: Database, policy: Policy, default: Partition | None) -> None:
    """Raise UnsafeError if the default partition is no plain table, so that none can replace it."""
    if default is None or default.kind in {"table", "unlogged table"}:
        return
    with database.transaction(read_only=True) as conn:
        rows = conn.execute(
            query("partition_manager/columns"), {"schema": database.schema, "table": policy.table}
        ).fetchall()
    table, name = sql.Identifier(policy.table), sql.Identifier(default.name)
    old = sql.Identifier(names.shortened(f"{default.name}_old"))
    columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in rows)
    kind = sql.SQL("FOREIGN TABLE" if default.kind == "foreign table" else "TABLE")
    raise UnsafeError(
        f"the default partition {default.name} is a {default.kind}: its rows can't be moved",
        hint=sql.SQL(
            "Make it a plain table, which locks {table} until its rows are copied: BEGIN;"
            " ALTER TABLE {table} DETACH PARTITION {name}; ALTER TABLE {name} RENAME TO {old};"
            " CREATE TABLE {name} PARTITION OF {table} DEFAULT;"
            " INSERT INTO {table} ({columns}) SELECT {columns} FROM {old};"
            " DROP {kind} {old}; COMMIT;"
        )
        .format(table=table, name=name, old=old, columns=columns, kind=kind)
        .as_string(),
        details={"partition": default.name},
    )
