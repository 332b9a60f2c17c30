"""Make a partition and attach it, or attach a table that exists.

Locks, until the transaction ends, in this order:
  - SHARE ROW EXCLUSIVE on each table that a foreign key of the partitioned table refers to, which
    ATTACH needs for the new partition's keys: their writers wait, their readers do not;
  - with a default partition, SHARE ROW EXCLUSIVE on the partitioned table, else a concurrent insert
    that was routed to the default could be refused: inserts wait, reads do not; without one, SHARE
    UPDATE EXCLUSIVE by ATTACH itself: nobody waits;
  - with a default partition, ACCESS EXCLUSIVE on it, which ATTACH needs to see that none of its
    rows belongs to the new partition: readers of the default wait.
"""

import dataclasses
from collections.abc import Sequence

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.locks.ladder import Lock, Mode
from lmsschema.partition_manager import inheritance
from lmsschema.partition_manager import statements as partition_statements
from lmsschema.partitions import Policy


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What making a partition touches, besides the partition.

    Attributes:
        identity_by_index: Whether the table's replica identity is an index.
        referenced: (schema, table) that foreign keys refer to and that the role may lock.
        storage: Storage parameters of the newest partition, as ``name=value``: a partitioned table
            has none that its partitions could take over.
    """

    identity_by_index: bool
    referenced: tuple[tuple[str, str], ...]
    storage: tuple[str, ...]


class NameTakenError(UnsafeError):
    """The name of a partition is taken by something that is none of the table's."""


def surroundings(database: Database, policy: Policy) -> Surroundings:
    """Read what making partitions of a table touches."""
    row = database.conn.execute(
        query("partition_manager/surroundings"), {"schema": database.schema, "table": policy.table}
    ).fetchone()
    if row is None:
        return Surroundings(identity_by_index=False, referenced=(), storage=())
    identity_by_index, referenced, storage = row
    return Surroundings(
        identity_by_index,
        tuple((t["schema"], t["table"]) for t in referenced if t["may_lock"]),
        tuple(storage or ()),
    )


def needed(
    database: Database,
    policy: Policy,
    around: Surroundings,
    default: str | None,
    mode: Mode = "SHARE ROW EXCLUSIVE",
) -> list[Lock]:
    """Return the locks of an attach, in their order.

    Args:
        database: Where.
        policy: The table's policy.
        around: The table's surroundings.
        default: The default partition's name, or None.
        mode: What is taken on the referenced tables.
    """
    found = [Lock(schema, table, mode) for schema, table in around.referenced]
    if default is not None:
        found.append(Lock(database.schema, policy.table, "SHARE ROW EXCLUSIVE"))
        found.append(Lock(database.schema, default, "ACCESS EXCLUSIVE"))
    return found


def create(database: Database, policy: Policy, names: Sequence[str], around: Surroundings) -> None:
    """Make tables that can become partitions, with everything that a partition takes over.

    Takes no lock that anyone notices (ACCESS SHARE on the partitioned table).

    Raises:
        NameTakenError: A relation of such a name exists; it is left as it is.
    """
    conn = database.conn
    statements = []
    for name in names:
        statements.append(partition_statements.create_table(policy, name))
        if around.storage:
            statements.append(_storage(name, around.storage))
    try:
        conn.execute(sql.SQL("; ").join(statements))
    except (errors.DuplicateTable, errors.DuplicateObject):  # a relation, or a type
        raise taken(database, policy, names) from None
    found = inheritance.differences(database, policy, names)
    inheritance.mend(conn, found)


def taken(database: Database, policy: Policy, names: Sequence[str]) -> NameTakenError:
    """Return the error that a name of these is taken by something that is none of the table's."""
    return NameTakenError(
        f"{' or '.join(names)} exists in schema {database.schema} and is no partition of "
        f"{policy.table}; it was left as it is",
        hint=f"If lmsschema detached it: lmsschema partitions restore {names[0]}. "
        "Else rename it, or attach it yourself.",
        details={"names": list(names)},
    )


def _storage(name: str, parameters: Sequence[str]) -> sql.Composed:
    """Return the statement that sets storage parameters, given as ``name=value``."""
    settings = []
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        dotted = sql.SQL(".").join(map(sql.Identifier, key.split(".")))
        settings.append(sql.SQL("{} = {}").format(dotted, sql.Literal(value)))
    return sql.SQL("ALTER TABLE {} SET ({})").format(
        sql.Identifier(name), sql.SQL(", ").join(settings)
    )


def finish(database: Database, policy: Policy, names: Sequence[str], around: Surroundings) -> None:
    """Give partitions that were just attached what they could not have before.

    If the table's replica identity is an index, each has its own of it only now.
    """
    if around.identity_by_index and names:
        found = inheritance.differences(database, policy, names)
        identity = [one for one in found if one.kind == "replica identity"]
        inheritance.mend(database.conn, identity)
