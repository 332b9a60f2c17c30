"""Make the default partition the partition of the rows that it holds, and put an empty one there.

No row is copied, but for the few that don't belong to that partition. The tables are locked until
the transaction ends, in this order: ACCESS EXCLUSIVE on each table that a foreign key of the
partitioned table refers to (PostgreSQL replaces the key's triggers on them), on the partitioned
table, on the default. Reads and writes wait meanwhile: about 0.1 s for each million rows of the
default, which ATTACH reads once. No CHECK is added beforehand to spare that: it would refuse rows
that are inserted until the exchange. No row is hidden at any moment.
"""

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.locks.ladder import Lock
from lmsschema.partition_manager import attach, inheritance, publications, state
from lmsschema.partition_manager import statements as partition_statements
from lmsschema.partition_manager.attach import Surroundings
from lmsschema.partition_manager.heal_plan import Heal
from lmsschema.partition_manager.rename import rename
from lmsschema.partitions import Attach, Create, Policy, Range, bound


def needed(database: Database, policy: Policy, around: Surroundings, default: str) -> list[Lock]:
    """Return the locks of a promotion, in their order."""
    return [
        *(Lock(schema, table, "ACCESS EXCLUSIVE") for schema, table in around.referenced),
        Lock(database.schema, policy.table, "ACCESS EXCLUSIVE"),
        Lock(database.schema, default, "ACCESS EXCLUSIVE"),
    ]


def prepare(database: Database, policy: Policy, plan: Heal, around: Surroundings) -> None:
    """Make the tables that a promotion puts beside the default; locks nothing that is used.

    Raises:
        UnsafeError: One of their names, or the promoted partition's, is taken.
    """
    promoted = plan.promoted
    if promoted is not None and state.exists(database.conn, database.schema, promoted.name):
        raise attach.taken(database, policy, [promoted.name])
    names = [policy.copy_name, *(home.name for home in plan.homes)]
    attach.create(database, policy, names, around)


def promote(database: Database, policy: Policy, plan: Heal, default: str) -> None:
    """Promote the default as planned, under the locks of :func:`needed`.

    Raises:
        psycopg.errors.CheckViolation: A row came meanwhile that belongs elsewhere: plan again.
    """
    promoted = plan.promoted
    if promoted is None or promoted.range is None:
        raise ValueError("this plan promotes nothing")
    conn = database.conn
    listed = publications.leave(database, default)
    conn.execute(
        sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(
            sql.Identifier(policy.table), sql.Identifier(default)
        )
    )
    rename(database, default, promoted.name)
    rename(database, policy.copy_name, default)
    if plan.moved or plan.staying or plan.homes:
        _move_rest(database, policy, plan, promoted, default)
    statements = [
        partition_statements.attach(policy, Attach(promoted.name, promoted.range)),
        *(partition_statements.attach(policy, home) for home in plan.homes),
        partition_statements.attach(policy, Create(default, None)),
    ]
    conn.execute(sql.SQL("; ").join(statements))
    # what was granted on the default is granted on it alone
    inheritance.carry(database, promoted.name, default)
    found = inheritance.differences(database, policy, [promoted.name])
    inheritance.mend(conn, [one for one in found if one.kind == "grant"])
    publications.join(database, default, listed)


def _move_rest(database: Database, policy: Policy, plan: Heal, kept: Create, fresh: str) -> None:
    """Move the rows that don't belong to the promoted partition into the tables beside it."""
    if kept.range is None:
        return
    # the default, long as it may be, is read once; no temporary table, which a role may not make
    moves = [(kept.name, fresh, sql.SQL("({}) IS NOT TRUE").format(within(policy, kept.range)))]
    moves += [(fresh, home.name, within(policy, home.range)) for home in plan.homes if home.range]
    for source, target, where in moves:
        transfer(database, policy, source, target, where)


def transfer(
    database: Database, policy: Policy, source: str, target: str, where: sql.Composable
) -> int:
    """Move rows from one table to another, under locks on both; return how many."""
    columns = database.conn.execute(
        query("partition_manager/columns"), {"schema": database.schema, "table": policy.table}
    ).fetchall()
    done = database.conn.execute(
        sql.SQL(
            "WITH gone AS (DELETE FROM {source} WHERE {where} RETURNING {columns})"
            " INSERT INTO {target} ({columns}) SELECT {columns} FROM gone"
        ).format(
            source=sql.Identifier(source),
            target=sql.Identifier(target),
            where=where,
            columns=sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns),
        )
    )
    return done.rowcount


def within(policy: Policy, bounds: Range) -> sql.Composed:
    """Return the condition that a row's key lies in a range."""
    return sql.SQL("({key} >= {lower} AND {key} < {upper})").format(
        key=sql.Identifier(policy.key),
        lower=sql.SQL(bound(bounds.lower, "'-infinity'")),
        upper=sql.SQL(bound(bounds.upper, "'infinity'")),
    )
