"""Attaches a table again that was detached from a partitioned table."""

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Work
from lmsschema.partition_manager import (
    attach,
    inheritance,
    parity,
    promote,
    publications,
    statements,
)
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.late_rows import MANY, LateRows
from lmsschema.partition_manager.promote import within
from lmsschema.partition_manager.retention import parse_mark
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Attach, Create, Policy, Range


def restore(
    context: Context,
    policy: Policy,
    name: str,
    *,
    many: int = MANY,
) -> Range:
    """Attach a detached table again with the bounds that it had.

    Rows of the default that lie in those bounds (late ones) go with it, under the locks; while
    they are moved the default is detached, so that no publication sends them again.
    What the partitioned table got meanwhile, the table gets first, and what takes long is done
    before anyone is locked (:mod:`lmsschema.partition_manager.parity`). Then, until the
    transaction ends:
    ACCESS EXCLUSIVE on the tables that its foreign keys refer to (PostgreSQL replaces the keys'
    triggers), SHARE ROW EXCLUSIVE (with late rows: ACCESS EXCLUSIVE) on the partitioned table,
    ACCESS EXCLUSIVE on the default.

    Args:
        context: Where, and how long locks are waited for.
        policy: The table's policy.
        name: The detached table.
        many: More rows than these are not moved under the locks.

    Returns:
        The bounds.

    Raises:
        LmsschemaError: There is no such table, or nothing says what its bounds were.
        UnsafeError: Another partition covers its bounds; rows of its own lie outside or break a
            rule; its columns are others; there are too many late rows. The table is as it was.
    """
    database = context.database
    require_writable(database)
    if name == policy.default_name:
        return _restore_default(context, policy, many)
    with translated(database.target):
        bounds, comment = _bounds(database, policy, name)
        with database.transaction(read_only=True):
            state = partition_state.read(database, policy)
            _refuse_overlap(policy, state, name, bounds)
        late = LateRows(database, policy, Attach(name, bounds))
        late.refuse(state, many)
        parity.make_alike(context, policy, name, bounds)
        around = attach.surroundings(database, policy)

        def prepare(conn: psycopg.Connection) -> Work[None]:
            partition_state.claim(conn, database, policy)
            state = partition_state.read(database, policy)
            _refuse_overlap(policy, state, name, bounds)
            locks = attach.needed(database, policy, around, state.default, "ACCESS EXCLUSIVE")
            if state.default is not None and (count := late.count(state.default, many + 1)):
                late.refuse_many(state, count, many)  # more came while the table was made alike
                locks = promote.needed(database, policy, around, state.default)
            return Work(locks, finish=lambda conn: finish(conn, state.default))

        def finish(conn: psycopg.Connection, default: str | None) -> None:
            found = inheritance.differences(database, policy, [name])
            mended = [f for f in found if f.kind not in inheritance.BY_HAND]
            inheritance.mend(conn, mended)
            if default is not None and late.count(default, 1):
                moved = late.take(default)
                context.tell(Progress(f"moving {moved} rows of {default} into {name}"))
            else:
                conn.execute(statements.attach(policy, Attach(name, bounds)))
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
            raise _busy(policy) from None
        except UnsafeError:
            parity.drop_check(database, name)
            raise
    context.tell(Progress(f"attached {name}"))
    return bounds


def table_of(database: Database, name: str) -> str | None:
    """Return the partitioned table that a table was detached from, by lmsschema's note on it."""
    with translated(database.target), database.transaction(read_only=True) as conn:
        row = conn.execute(
            "SELECT pg_catalog.obj_description(pg_catalog.to_regclass(%s), 'pg_class')",
            (sql.Identifier(database.schema, name).as_string(),),
        ).fetchone()
    mark, _ = parse_mark(row[0] if row else None)
    return None if mark is None else mark.table


def _restore_default(context: Context, policy: Policy, many: int) -> Range:
    """Attach the default partition again; rows that have partitions by now go there.

    Most of these are moved before, in batches that lock nothing but rows: nobody sees them while
    the default is detached. Locks: as those of an attach beside a default.

    Raises:
        LmsschemaError: There is no such table, or it is a partition already.
        UnsafeError: The table has another default partition.
    """
    database, name = context.database, policy.default_name
    around = attach.surroundings(database, policy)

    def prepare(conn: psycopg.Connection) -> Work[int]:
        partition_state.claim(conn, database, policy)
        state = partition_state.read(database, policy)
        if state.default == name:
            raise LmsschemaError(
                f"{name} is a partition already", hint="There is nothing to restore."
            )
        if not state.default_detached:
            raise LmsschemaError(
                f"there is no table {name} in schema {database.schema} of {database.target}",
                hint="lmsschema partitions ensure makes a default partition.",
            )
        if state.default is not None:
            raise UnsafeError(
                f"{state.default} is the default partition of {policy.table} now",
                hint=sql.SQL("Copy the rows: INSERT INTO {} SELECT * FROM {}; then DROP TABLE {};")
                .format(*map(sql.Identifier, (policy.table, name, name)))
                .as_string(),
            )
        locks = attach.needed(database, policy, around, name, "ACCESS EXCLUSIVE")
        ranges = [one.range for one in state.partitions if one.range is not None]
        return Work(locks, finish=lambda conn: finish(conn, ranges))

    def finish(conn: psycopg.Connection, ranges: list[Range]) -> int:
        found = inheritance.differences(database, policy, [name])
        inheritance.mend(conn, [f for f in found if f.kind not in inheritance.BY_HAND])
        count = 0
        if ranges and _has_rows(database, policy, name, ranges):
            count = _move(database, policy, _in_any(policy, ranges))
        conn.execute(statements.attach(policy, Create(name, None)))
        attach.finish(database, policy, [name], around)
        return count

    with translated(database.target):
        with database.transaction(read_only=True):
            state = partition_state.read(database, policy)
            ranges = [one.range for one in state.partitions if one.range is not None]
            moves = state.default_detached and _has_rows(database, policy, name, ranges)
        if moves:
            publications.refuse_if_any(database, policy, policy.table, copies=True, replaced=False)
        try:
            before = _move_in_batches(context, policy, many) if moves else 0
            count = before + (ladder.step(context, prepare, what=f"attach {name}") or 0)
        except partition_state.BusyError:
            raise _busy(policy) from None
    context.tell(Progress(f"attached {name}; {count} rows of it went to partitions made since"))
    return Range(None, None)


def _move_in_batches(context: Context, policy: Policy, many: int) -> int:
    """Move rows of a detached default to their partitions, until few are left; return how many."""
    database, name = context.database, sql.Identifier(policy.default_name)
    moved, last = 0, many
    while last == many:
        with database.transaction() as conn:
            partition_state.claim(conn, database, policy)
            partitions = partition_state.read(database, policy).partitions
            ranges = [one.range for one in partitions if one.range is not None]
            some = sql.SQL(
                "(tableoid, ctid) IN (SELECT tableoid, ctid FROM {} WHERE {} LIMIT {})"
            ).format(name, _in_any(policy, ranges), sql.Literal(many))
            last = _move(database, policy, some)
        moved += last
        context.tell(Progress(f"moved {moved} rows of {policy.default_name} to their partitions"))
    return moved


def _move(database: Database, policy: Policy, where: sql.Composable) -> int:
    """Move rows of a detached default to their partitions; return how many.

    Subscribers have them already, and are sent nothing.
    """
    listed = publications.leave(database, policy.table)
    count = promote.transfer(database, policy, policy.default_name, policy.table, where)
    publications.join(database, policy.table, listed)
    return count


def _in_any(policy: Policy, ranges: list[Range]) -> sql.Composed:
    return sql.SQL(" OR ").join(
        [within(policy, one) for one in ranges] or [sql.SQL("false").format()]
    )


def _has_rows(database: Database, policy: Policy, name: str, ranges: list[Range]) -> bool:
    """Whether a table has rows in any of these ranges; in a transaction."""
    found = database.conn.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(
            sql.Identifier(name), _in_any(policy, ranges)
        )
    )
    return found.fetchone() == (True,)


def _busy(policy: Policy) -> LmsschemaError:
    return LmsschemaError(
        f"another run is at work on the partitions of {policy.table}",
        hint="Run the command again.",
    )


def _bounds(database: Database, policy: Policy, name: str) -> tuple[Range, str]:
    """Return the bounds that a detached table had, and its comment without our mark."""
    row = database.conn.execute(
        "SELECT c.relispartition, pg_catalog.obj_description(c.oid, 'pg_class')"
        " FROM pg_catalog.pg_class AS c WHERE c.relnamespace ="
        " (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = %s)"
        " AND c.relname = %s AND c.relkind IN ('r', 'p', 'f')",
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
