"""Detach a partition, and mark it, so that it can be found, restored or dropped later.

Locks, until the transaction ends, in this order: SHARE ROW EXCLUSIVE on each table that a foreign
key of the partitioned table refers to; ACCESS EXCLUSIVE on the partitioned table, on its default
partition and on the partition. Everyone who uses the table waits for the few milliseconds that it
takes. CONCURRENTLY is not used: it is refused where there is a default partition, and interrupted
it leaves a partition whose rows are hidden.
"""

from datetime import datetime

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.locks.ladder import Lock
from lmsschema.partition_manager.attach import Surroundings
from lmsschema.partition_manager.retention import mark
from lmsschema.partitions import Policy, Range


def needed(
    database: Database, policy: Policy, around: Surroundings, default: str | None, name: str
) -> list[Lock]:
    """Return the locks of a detach, in their order."""
    return [
        *(Lock(schema, table, "SHARE ROW EXCLUSIVE") for schema, table in around.referenced),
        Lock(database.schema, policy.table, "ACCESS EXCLUSIVE"),
        *([Lock(database.schema, default, "ACCESS EXCLUSIVE")] if default else []),
        Lock(database.schema, name, "ACCESS EXCLUSIVE"),
    ]


def detach(
    database: Database,
    policy: Policy,
    name: str,
    bounds: Range,
    *,
    now: datetime,
) -> None:
    """Detach and mark, under the locks of :func:`needed`."""
    conn = database.conn
    row = conn.execute(
        sql.SQL("SELECT pg_catalog.obj_description({}::regclass, 'pg_class')").format(
            sql.Literal(sql.Identifier(name).as_string())
        )
    ).fetchone()
    lines = [line for line in ((row[0] if row else None), mark(policy, bounds, now)) if line]
    conn.execute(
        sql.SQL("ALTER TABLE {} DETACH PARTITION {}; COMMENT ON TABLE {} IS {}").format(
            sql.Identifier(policy.table),
            sql.Identifier(name),
            sql.Identifier(name),
            sql.Literal("\n".join(lines)),
        )
    )
