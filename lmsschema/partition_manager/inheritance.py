"""What a partition takes over from its table beyond what LIKE copies: owner, grants and so on."""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.partitions import Policy

#: What is told, not mended, of a partition with rows: it would copy them under an exclusive lock.
BY_HAND = frozenset({"tablespace"})

#: What a table can have only once it is attached, or does not keep while it is detached.
LATER = frozenset({"comment", "replica identity"})


@dataclasses.dataclass(frozen=True)
class Unlikeness:
    """Something in which a partition, or a table that is to become one, is not like its table.

    Attributes:
        partition: The partition's name.
        kind: What LIKE does not copy: owner, grant, row security, policy, statistics target,
            extended statistics, tablespace, comment, replica identity. Or what ATTACH refuses or
            builds: column too many, type, column, default, not null, check, index, unique index,
            key, foreign key (:mod:`lmsschema.partition_manager.parity`).
        statement: What mends it by itself and locks the partition alone; "": it takes more.
        name: The column's or the constraint's name; "": it is the whole table's.
        wanted: What the partitioned table has, as SQL; None: nothing.
        found: What the partition has instead.
        broken: The condition of rows that keep it out; None: none do, or it is not known.
    """

    partition: str
    kind: str
    statement: str = ""
    name: str = ""
    wanted: str | None = None
    found: str | None = None
    broken: str | None = None


def differences(
    database: Database, policy: Policy, partitions: Sequence[str] | None = None
) -> list[Unlikeness]:
    """Return what partitions, or tables about to become some, lack of what their table has.

    Args:
        database: In a transaction of :meth:`Database.transaction`, whose search_path counts.
        policy: The table's policy.
        partitions: Names; every partition of the table where None.
    """
    rows = database.conn.execute(
        query("partition_manager/inheritance"),
        {
            "schema": database.schema,
            "table": policy.table,
            "partitions": None if partitions is None else list(partitions),
        },
    )
    return [Unlikeness(*row) for row in rows]


def carry(database: Database, source: str, target: str) -> None:
    """Give a fresh default partition the grants and storage parameters of the one before it."""
    conn = database.conn
    rows = conn.execute(
        query("partition_manager/default_own"),
        {"schema": database.schema, "source": source, "target": target},
    ).fetchall()
    if rows:  # the server quoted the names itself
        conn.execute(sql.SQL("; ").join(sql.SQL(statement) for (statement,) in rows))


def mend(conn: psycopg.Connection, found: Sequence[Unlikeness]) -> None:
    """Run the statements that mend differences, in one round trip."""
    if found:
        # the server wrote these statements and quoted their names itself
        conn.execute(sql.SQL("; ").join(sql.SQL(one.statement) for one in found))
