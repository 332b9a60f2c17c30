"""Attaches a table again that was detached from a partitioned table."""

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Work
from lmsschema.partition_manager import attach, inheritance, parity, statements
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.retention import parse_mark
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Attach, Policy, Range


def restore(
    context: Context,
    policy: Policy,
    name: str,
) -> Range:
    """Attach a detached table again with the bounds that it had.

    What the partitioned table got meanwhile, the table gets first, and what takes long is done
    before anyone is locked (:mod:`lmsschema.partition_manager.parity`). Then, until the
    transaction ends:
    ACCESS EXCLUSIVE on the tables that its foreign keys refer to (PostgreSQL replaces the keys'
    triggers), SHARE ROW EXCLUSIVE on the partitioned table, ACCESS EXCLUSIVE on the default.

    Returns:
        The bounds.

    Raises:
        LmsschemaError: There is no such table, or nothing says what its bounds were.
        UnsafeError: Another partition covers its bounds; rows of its own lie outside or break a
            rule, or rows of the default lie within; its columns are others. The table is as it was.
    """
    database = context.database
    require_writable(database)
    with translated(database.target):
        bounds, comment = _bounds(database, policy, name)
        with database.transaction(read_only=True):
            _refuse_overlap(policy, partition_state.read(database, policy), name, bounds)
        parity.make_alike(context, policy, name, bounds)
        around = attach.surroundings(database, policy)

        def prepare(conn: psycopg.Connection) -> Work[None]:
            partition_state.claim(conn, database, policy)
            state = partition_state.read(database, policy)
            _refuse_overlap(policy, state, name, bounds)
            locks = attach.needed(database, policy, around, state.default, "ACCESS EXCLUSIVE")
            return Work(locks, finish=lambda conn: finish(conn, state.default))

        def finish(conn: psycopg.Connection, default: str | None) -> None:
            found = inheritance.differences(database, policy, [name])
            mended = [f for f in found if f.kind not in inheritance.BY_HAND]
            inheritance.mend(conn, mended)
            try:
                conn.execute(statements.attach(policy, Attach(name, bounds)))
            except errors.CheckViolation:
                raise UnsafeError(
                    f"rows of {default} lie in the bounds of {name}; it was left as it is",
                    hint="lmsschema partitions heal",
                ) from None
            attach.finish(database, policy, [name], around)
            conn.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}; COMMENT ON TABLE {} IS {}").format(
                    sql.Identifier(name),
                    sql.Identifier(parity.CHECK),
                    sql.Identifier(name),
                    sql.Literal(comment or None),
                )
            )

        try:
            ladder.step(context, prepare, what=f"attach {name}")
        except partition_state.BusyError:
            raise LmsschemaError(
                f"another run is at work on the partitions of {policy.table}",
                hint="Run the command again.",
            ) from None
        except UnsafeError:
            parity.drop_check(database, name)
            raise
    context.tell(Progress(f"attached {name}"))
    return bounds


def _bounds(database: Database, policy: Policy, name: str) -> tuple[Range, str]:
    """Return the bounds that a detached table had, and its comment without our mark."""
    row = database.conn.execute(
        "SELECT c.relispartition, pg_catalog.obj_description(c.oid, 'pg_class')"
        " FROM pg_catalog.pg_class AS c"
        " INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid"
        " WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'r'",
        (database.schema, name),
    ).fetchone()
    if row is None:
        raise LmsschemaError(
            f"there is no table {name} in schema {database.schema} of {database.target}",
            hint="lmsschema partitions list shows what was detached.",
        )
    attached, note = row
    if attached:
        raise LmsschemaError(f"{name} is a partition already", hint="There is nothing to restore.")
    mark, comment = parse_mark(note)
    bounds = None if mark is None else partition_state.parse_bounds(mark.bounds)
    if mark is None or bounds is None or mark.table != policy.table:
        raise LmsschemaError(
            f"nothing says what bounds {name} had: lmsschema did not detach it",
            hint=f"ALTER TABLE {policy.table} ATTACH PARTITION {name} FOR VALUES FROM … TO …",
        )
    return bounds, comment


def _refuse_overlap(policy: Policy, state: State, name: str, bounds: Range) -> None:
    for partition in state.partitions:
        if partition.range is not None and partition.range.overlaps(bounds):
            raise UnsafeError(
                f"{partition.name} of {policy.table} covers the bounds of {name} now",
                hint=f"Detach {partition.name} first, or copy the rows of {name} with INSERT.",
            )
