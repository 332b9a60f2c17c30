"""Attaches a table again that was detached from a partitioned table."""

import psycopg
from psycopg import errors, sql

from lmsschema import partition_state
from lmsschema.db import Database, require_writable, translated
from lmsschema.ddl import attach, keys, locks
from lmsschema.ddl.attach import Surroundings
from lmsschema.ddl.locks import DEFAULT_PATIENCE, Lock, Patience, Progress
from lmsschema.ddl.promote import within
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.partition_expiry import parse_mark
from lmsschema.partition_state import State
from lmsschema.partitions import Attach, Policy, Range

_CHECK = "lmsschema_bounds"


def restore(
    database: Database,
    policy: Policy,
    name: str,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> Range:
    """Attach a detached table again with the bounds that it had.

    What takes long is done before anyone is locked: the table's rows are proved to lie in its
    bounds by a CHECK on it, its foreign keys are validated. Then, until the transaction ends:
    ACCESS EXCLUSIVE on the tables that its foreign keys refer to (PostgreSQL replaces the keys'
    triggers), SHARE ROW EXCLUSIVE on the partitioned table, ACCESS EXCLUSIVE on the default.

    Returns:
        The bounds.

    Raises:
        LmsschemaError: There is no such table, or nothing says what its bounds were.
        UnsafeError: Another partition covers its bounds; rows of its own lie outside, or rows of
            the default within them. The table is as it was.
    """
    require_writable(database)
    with translated(database.target):
        bounds, comment = _bounds(database, policy, name)
        table = sql.Identifier(name)
        _prove(database, policy, name, bounds, patience=patience, progress=progress)
        keys.add(database, policy, name, patience, progress)
        around = attach.surroundings(database, policy)
        default: str | None = None

        def prepare(conn: psycopg.Connection) -> None:
            nonlocal default
            partition_state.claim(conn, database, policy)
            state = partition_state.read(database, policy)
            default = state.default
            _refuse_overlap(policy, state, name, bounds)

        def work(conn: psycopg.Connection) -> None:
            try:
                conn.execute(attach.statement(policy, Attach(name, bounds)))
            except errors.CheckViolation:
                raise UnsafeError(
                    f"rows of {default} lie in the bounds of {name}; it was left as it is",
                    hint="lmsschema partitions heal",
                ) from None
            attach.finish(database, policy, [name], around)
            conn.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}; COMMENT ON TABLE {} IS {}").format(
                    table, sql.Identifier(_CHECK), table, sql.Literal(comment or None)
                )
            )

        def wanted() -> list[Lock]:
            return _needed(database, policy, around, default)

        try:
            locks.step(
                database,
                work,
                what=f"attach {name}",
                locks=wanted,
                prepare=prepare,
                patience=patience,
                progress=progress,
            )
        except partition_state.BusyError:
            raise LmsschemaError(
                f"another run is at work on the partitions of {policy.table}",
                hint="Run the command again.",
            ) from None
    progress(f"attached {name}")
    return bounds


def _needed(
    database: Database, policy: Policy, around: Surroundings, default: str | None
) -> list[Lock]:
    return attach.needed(database, policy, around, default, "ACCESS EXCLUSIVE")


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


def _prove(
    database: Database,
    policy: Policy,
    name: str,
    bounds: Range,
    *,
    patience: Patience,
    progress: Progress,
) -> None:
    """Prove by a CHECK on the detached table that its rows lie in its bounds."""
    table, check = sql.Identifier(name), sql.Identifier(_CHECK)

    def add(conn: psycopg.Connection) -> None:
        conn.execute(
            sql.SQL(
                "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check},"
                " ADD CONSTRAINT {check} CHECK ({key} IS NOT NULL AND {within}) NOT VALID"
            ).format(
                table=table,
                check=check,
                key=sql.Identifier(policy.key),
                within=within(policy, bounds),
            )
        )

    locks.step(
        database,
        add,
        what=f"check {name}",
        locks=lambda: [Lock(database.schema, name, "ACCESS EXCLUSIVE")],
        patience=patience,
        progress=progress,
    )
    try:
        with database.transaction() as conn:
            conn.execute(sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(table, check))
    except errors.CheckViolation:
        with database.transaction() as conn:
            conn.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, check))
        raise UnsafeError(
            f"rows of {name} lie outside the bounds that it had; it was left as it is",
            hint="Move those rows first.",
        ) from None
