"""Takes partitions away that are older than they have to be kept, and brings them back."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.queries import query
from lmsschema.database.sqlstate import translated
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work
from lmsschema.partition_manager import attach, detach, foreign_keys
from lmsschema.partition_manager import export as partition_export
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.export import Manifest, export
from lmsschema.partition_manager.retention import FEW, Mark, Prune, Span, parse_mark, plan_prune
from lmsschema.partitions import Partition, Policy, Range


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What a prune did.

    Attributes:
        plan: What was planned.
        detached: Partitions that were detached.
        dropped: Detached tables that were dropped.
        exports: What was written before that.
        left: Tables that were detached in earlier runs and are there still.
    """

    plan: Prune
    detached: tuple[str, ...]
    dropped: tuple[str, ...]
    exports: tuple[Manifest, ...]
    left: tuple[str, ...]


def plan(
    database: Database, policy: Policy, keep: Span, *, allow_many: bool = False
) -> tuple[datetime, Prune]:
    """Read the partitions and plan what goes; changes nothing."""
    with translated(database.target), database.transaction(read_only=True):
        state = partition_state.read(database, policy)
    return state.now, plan_prune(state.partitions, state.now, keep, allow_many=allow_many)


def prune(
    context: Context,
    policy: Policy,
    keep: Span,
    *,
    drop_after: Span | None = None,
    folder: Path | None = None,
    allow_many: bool = False,
) -> Pruned:
    """Detach what lies wholly before the cutoff; drop what has been detached for long enough.

    Args:
        context: Where, and how long locks are waited for.
        policy: The table's policy.
        keep: How long rows are kept.
        drop_after: How long a detached table is kept before it is dropped; None: for ever.
        folder: Where a table is exported to before it is dropped.
        allow_many: Whether more than three may go in this run.

    Raises:
        LockTimeoutError: A lock was not got in time; what was done before is in place.
    """
    database = context.database
    now, planned = plan(database, policy, keep, allow_many=allow_many)
    detached: list[str] = []
    dropped: list[str] = []
    exports: list[Manifest] = []
    require_writable(database)
    with translated(database.target):
        before = detached_tables(database, policy)
        try:
            for partition in planned.expired:
                detached += _detach(context, policy, partition)
            for name in overdue(before, now, drop_after, allow_many=allow_many):
                with partition_state.claimed(database, policy):  # nobody restores it meanwhile
                    gone, manifest = _drop(context, policy, name, folder)
                if gone:
                    dropped.append(name)
                if manifest is not None:
                    exports.append(manifest)
        except partition_state.BusyError:
            context.tell(Progress(partition_state.busy(policy)))
    left = tuple(name for name, _ in before if name not in dropped)
    return Pruned(planned, tuple(detached), tuple(dropped), tuple(exports), left)


def overdue(
    tables: Sequence[tuple[str, Mark]],
    now: datetime,
    drop_after: Span | None,
    *,
    allow_many: bool = False,
) -> list[str]:
    """Return which detached tables are to be dropped, those first that were detached first."""
    if drop_after is None:
        return []
    try:
        limit = drop_after.before(now)
    except (ValueError, OverflowError):  # before the year 1: nothing is that old
        return []
    names = [name for name, mark in sorted(tables, key=lambda t: t[1].at) if mark.at <= limit]
    return names if allow_many else names[:FEW]


def detached_tables(database: Database, policy: Policy) -> list[tuple[str, Mark]]:
    """Return the tables that lmsschema detached from a table, with what it noted then."""
    rows = database.conn.execute(
        query("partition_manager/detached"), {"schema": database.schema}
    ).fetchall()
    marks = [(name, parse_mark(note)[0]) for name, note in rows]
    return [(name, mark) for name, mark in marks if mark is not None and mark.table == policy.table]


def _detach(context: Context, policy: Policy, partition: Partition) -> list[str]:
    """Detach a partition in a transaction of its own; returns its name if it was still there."""
    database, name, bounds = context.database, partition.name, partition.range
    around = attach.surroundings(database, policy)

    def prepare(conn: psycopg.Connection) -> Work[list[str]] | None:
        partition_state.claim(conn, database, policy)
        state = partition_state.read(database, policy)
        if partition not in state.partitions or bounds is None:
            return None
        locks = detach.needed(database, policy, around, state.default, name)
        return Work(locks, finish=lambda _: detached(bounds, state.now))

    def detached(bounds: Range, now: datetime) -> list[str]:
        detach.detach(database, policy, name, bounds, now=now)
        return [name]

    done = ladder.step(context, prepare, what=f"detach {name}")
    if done:
        context.tell(Progress(f"detached {name}"))
    return done or []


def _drop(
    context: Context, policy: Policy, name: str, folder: Path | None
) -> tuple[bool, Manifest | None]:
    """Export a detached table if asked, and drop it, unless it is none any more.

    Locks: its foreign keys are dropped first
    (:mod:`lmsschema.partition_manager.foreign_keys`); then nothing but the table itself is
    locked, ACCESS EXCLUSIVE, until it is exported, verified and dropped.

    Returns:
        Whether it was dropped, and its export's manifest.
    """
    database = context.database

    def is_detached() -> bool:
        return name in dict(detached_tables(database, policy))

    def finish(conn: psycopg.Connection) -> tuple[bool, Manifest | None]:
        if not is_detached():  # somebody attached it by hand
            return False, None
        # while the file is verified, the server hears nothing of us
        conn.execute("SET LOCAL idle_in_transaction_session_timeout TO 0")
        manifest = None if folder is None else export(database, policy, name, folder)
        conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        return True, manifest

    if not is_detached():  # another run restored or dropped it
        return False, None
    if folder is not None:
        partition_export.prepare(name, folder)  # before the table is changed
    foreign_keys.drop(context, policy, name)
    work = Work([Lock(database.schema, name, "ACCESS EXCLUSIVE")], finish=finish)
    gone, manifest = ladder.step(context, lambda _: work, what=f"drop {name}") or (False, None)
    where = f", exported to {manifest.file} with {manifest.rows} rows" if manifest else ""
    if gone:
        context.tell(Progress(f"dropped {name}{where}"))
    return gone, manifest
