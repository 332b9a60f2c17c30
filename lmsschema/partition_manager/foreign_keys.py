"""The foreign keys of a table that stands beside a partitioned table: added, validated, dropped.

Each statement is a transaction of its own:
  - a key is added NOT VALID: SHARE ROW EXCLUSIVE on both tables, for a moment;
  - it is validated: ROW SHARE on the referenced table, SHARE UPDATE EXCLUSIVE on the other; nobody
    waits, however long it takes;
  - it is dropped: ACCESS EXCLUSIVE on both tables, for a moment.
"""

import dataclasses

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.locks import ladder
from lmsschema.locks.context import Context
from lmsschema.locks.ladder import Lock, Mode, Work
from lmsschema.partitions import Policy


@dataclasses.dataclass(frozen=True)
class Key:
    """A foreign key of a partitioned table, and its like on the table beside it."""

    name: str
    definition: str
    referenced_schema: str
    referenced_table: str
    own_name: str | None
    own_validated: bool | None
    may_lock: bool


def read(database: Database, policy: Policy, table: str) -> list[Key]:
    """Return the partitioned table's foreign keys, with what a table beside it has of them."""
    with database.transaction(read_only=True) as conn:
        rows = conn.execute(
            query("partition_manager/keys"),
            {"schema": database.schema, "table": policy.table, "partition": table},
        ).fetchall()
    return [Key(*row) for row in rows]


def add(context: Context, policy: Policy, table: str) -> None:
    """Give a table the foreign keys of the partitioned table, validated, so that ATTACH reads none.

    Run again after it was interrupted, it does what is left.
    """
    for key in read(context.database, policy, table):
        if key.own_name is None:
            statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID").format(
                sql.Identifier(table), sql.Identifier(key.name), sql.SQL(key.definition)
            )
            _step(context, table, key, "SHARE ROW EXCLUSIVE", statement)
    for key in read(context.database, policy, table):
        if key.own_name is not None and not key.own_validated:
            with context.database.transaction() as conn:
                conn.execute(
                    sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
                        sql.Identifier(table), sql.Identifier(key.own_name)
                    )
                )


def drop(context: Context, policy: Policy, table: str) -> None:
    """Drop a table's foreign keys, one a transaction, so that dropping it locks no other table."""
    for key in read(context.database, policy, table):
        if key.own_name is not None:
            statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(table), sql.Identifier(key.own_name)
            )
            _step(context, table, key, "ACCESS EXCLUSIVE", statement)


def _step(context: Context, table: str, key: Key, mode: Mode, statement: sql.Composed) -> None:
    locks = [Lock(context.database.schema, table, mode)]
    if key.may_lock:  # else the statement itself takes the lock, for which it needs no right
        locks.insert(0, Lock(key.referenced_schema, key.referenced_table, mode))
    work = Work(locks, finish=lambda conn: conn.execute(statement))
    ladder.step(context, lambda _: work, what=f"change key {key.name} of {table}")
