"""Makes the table of an export again, with its rows, as ``prune`` had detached it."""

from pathlib import Path

from psycopg import sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.queries import query
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks.context import Context, Progress
from lmsschema.partition_manager import attach, export, inheritance, publications, statements
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.manifest import Manifest
from lmsschema.partition_manager.retention import mark
from lmsschema.partitions import Policy, Range


def reload(context: Context, policy: Policy, path: Path) -> str:
    """Make the table of an export and load its rows, in one transaction; locks nothing else.

    What stands then is a detached table, which ``restore`` attaches.

    Args:
        context: Where.
        policy: The policy of the table that the export was a partition of.
        path: The file, or its manifest.

    Returns:
        The table's name.

    Raises:
        LmsschemaError: The export can't be read, or is not of this table.
        UnsafeError: The name is taken, a publication would publish the rows, or the partitioned
            table no longer has a column of the file.
    """
    database = context.database
    require_writable(database)
    file, manifest = export.read(path)
    if manifest.partition_of != policy.table:
        raise LmsschemaError(
            f"{path} is an export of {manifest.partition_of}, not of {policy.table}",
            hint=f"Name the table: --table {manifest.partition_of}",
        )
    bounds = _bounds(policy, path, manifest)
    publications.refuse_loading(database, policy, manifest.table)
    table = sql.Identifier(manifest.table)
    with translated(database.target), database.transaction() as conn:
        state = partition_state.read(database, policy)
        if partition_state.exists(conn, database.schema, manifest.table):
            raise attach.taken(database, policy, [manifest.table])
        _refuse_missing(database, policy, manifest)
        conn.execute(statements.create_table(policy, manifest.table))
        export.load(conn, file, manifest, table)
        found = inheritance.differences(database, policy, [manifest.table])
        inheritance.mend(conn, [one for one in found if one.kind not in inheritance.LATER])
        note = "\n".join(filter(None, (state.comment, mark(policy, bounds, state.now))))
        conn.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(note)))
    context.tell(Progress(f"loaded {file} into {manifest.table}"))
    return manifest.table


def _bounds(policy: Policy, path: Path, manifest: Manifest) -> Range:
    """Return the bounds that the manifest notes, or else those of the interval of its rows."""
    if manifest.bounds and (noted := partition_state.parse_bounds(manifest.bounds)):
        return noted
    if manifest.first and manifest.last:
        first, last = map(partition_state.parse_instant, (manifest.first, manifest.last))
        found = policy.interval_of(first)
        if found.holds(last):
            return found
    raise LmsschemaError(
        f"nothing says what bounds the partition of {path} had",
        hint="Add them to its manifest: \"bounds\": \"FOR VALUES FROM ('...+00') TO ('...+00')\"",
    )


def _refuse_missing(database: Database, policy: Policy, manifest: Manifest) -> None:
    rows = database.conn.execute(
        query("partition_manager/columns"), {"schema": database.schema, "table": policy.table}
    ).fetchall()
    missing = [name for name in manifest.columns if name not in {column for (column,) in rows}]
    if missing:
        raise UnsafeError(
            f"{policy.table} no longer has columns of the export: {', '.join(missing)}",
            hint="Load it into a table of your own, if you need those values.",
            details={"columns": missing},
        )
