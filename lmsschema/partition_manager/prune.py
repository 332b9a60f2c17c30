"""Detaches partitions that are older than they have to be kept; exports and drops them later."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.sqlstate import translated
from lmsschema.errors import UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Work
from lmsschema.partition_manager import (
    attach,
    dependents,
    detach,
    detached,
    foreign_keys,
    kinds,
    referrers,
    rights,
)
from lmsschema.partition_manager import export as partition_export
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.export import export
from lmsschema.partition_manager.manifest import Manifest
from lmsschema.partition_manager.refusals import Refusals
from lmsschema.partition_manager.retention import FEW, Mark, Prune, Span, plan_prune
from lmsschema.partition_manager.statements import delete_rows
from lmsschema.partitions import Partition, Policy, Range, bound


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What a prune did.

    Attributes:
        plan: What was planned.
        detached: Partitions that were detached.
        dropped: Detached tables that were dropped.
        exports: What was written before that.
        left: Tables that were detached in earlier runs and are there still.
        busy: Whether another run was at work; this one then left the rest to it.
    """

    plan: Prune
    detached: tuple[str, ...]
    dropped: tuple[str, ...]
    exports: tuple[Manifest, ...]
    left: tuple[str, ...]
    busy: bool = False


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
        allow_many: Whether more than three may be detached, and dropped, in this run.

    Raises:
        LockTimeoutError: A lock was not obtained in time; what was done before is in place.
        LmsschemaError: Partitions were refused, each with what to do; all others are done.
    """
    database = context.database
    now, planned = plan(database, policy, keep, allow_many=True)
    limit = len(planned.expired) if allow_many else FEW
    gone: list[str] = []
    dropped: list[str] = []
    exports: list[Manifest] = []
    refusals = Refusals()
    busy = False
    require_writable(database)
    with translated(database.target):
        before = detached.tables(database, policy)
        late = overdue(before, now, drop_after, allow_many=True)
        if late or (planned.expired and drop_after is not None):
            rights.require_locks(database, policy)
        try:
            for partition in planned.expired:
                if len(gone) < limit:
                    with refusals.kept(), translated(database.target):
                        gone += _detach(context, policy, partition)
            for name in late:
                if len(dropped) == FEW and not allow_many:
                    break
                claimed = partition_state.claimed(database, policy)  # nobody restores it meanwhile
                with refusals.kept(), translated(database.target), claimed:
                    done, manifest = _drop(context, policy, name, folder)
                    dropped += [name] * done
                    exports += [manifest] if manifest is not None else []
        except partition_state.BusyError:
            busy = True
            context.tell(Progress(partition_state.busy(policy)))
    refusals.raise_any(
        detached=gone,
        dropped=dropped,
        exports=[dataclasses.asdict(one) for one in exports],
        busy=busy,
    )
    left = tuple(name for name, _ in before if name not in dropped)
    more = len(planned.expired) - len(gone)
    planned = dataclasses.replace(planned, expired=planned.expired[:limit], left=more)
    return Pruned(planned, tuple(gone), tuple(dropped), tuple(exports), left, busy)


@dataclasses.dataclass(frozen=True)
class Expired:
    """Rows of the default partition that are older than rows are kept.

    Attributes:
        table: The default partition.
        rows: How many they are.
        statement: What deletes them.
    """

    table: str
    rows: int
    statement: str


def expired_rows(database: Database, policy: Policy, cutoff: datetime) -> Expired | None:
    """Return the rows of the default from before the cutoff; reads it once, under ACCESS SHARE."""
    with translated(database.target), database.transaction(read_only=True) as conn:
        default = partition_state.read(database, policy).default
        if default is None:
            return None
        older = sql.SQL("{} < {}").format(
            sql.Identifier(policy.key), sql.SQL(bound(cutoff, "'-infinity'"))
        )
        with rights.readable(database, default):
            table = sql.Identifier(database.schema, default)
            count = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(table, older)
            row = conn.execute(count).fetchone()
    statement = delete_rows(database.schema, default, older.as_string(), policy.guard)
    return Expired(default, row[0], statement) if row and row[0] else None


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


def _detach(context: Context, policy: Policy, partition: Partition) -> list[str]:
    """Detach a partition in a transaction of its own; returns its name if it was still there.

    Raises:
        UnsafeError: It lies in another schema, is a foreign table, or rows refer to rows of it.
    """
    database, name, bounds = context.database, partition.name, partition.range
    if partition.schema is not None:
        raise UnsafeError(
            f"{name} was not detached: it lies in schema {partition.schema}",
            hint=sql.SQL("ALTER TABLE {} SET SCHEMA {}; then run the command again")
            .format(sql.Identifier(partition.schema, name), sql.Identifier(database.schema))
            .as_string(),
            details={"partition": name},
        )
    kinds.refuse_foreign(policy, partition)
    around = attach.surroundings(database, policy)

    def prepare(conn: psycopg.Connection) -> Work[list[str]] | None:
        partition_state.claim(conn, database, policy)
        state = partition_state.read(database, policy)
        if partition not in state.partitions or bounds is None:
            return None
        locks = detach.needed(database, policy, around, state.default, name)
        return Work(locks, finish=lambda _: detach_it(bounds, state.now))

    def detach_it(bounds: Range, now: datetime) -> list[str]:
        detach.detach(database, policy, name, bounds, now=now)
        return [name]

    try:
        done = ladder.step(context, prepare, what=f"detach {name}")
    except errors.ForeignKeyViolation:
        raise referrers.refusal(database, policy, name, "detached") from None
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
        return name in dict(detached.tables(database, policy))

    def finish(conn: psycopg.Connection) -> tuple[bool, Manifest | None]:
        if not is_detached():  # somebody attached it by hand
            return False, None
        # while the file is verified, the server hears nothing of us; its own partitions are locked
        conn.execute(
            sql.SQL(
                "SET LOCAL idle_in_transaction_session_timeout TO 0;"
                " LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
            ).format(sql.Identifier(name))
        )
        manifest = None if folder is None else export(database, policy, name, folder)
        conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        return True, manifest

    if not is_detached():  # another run restored or dropped it
        return False, None
    dependents.refuse_if_any(database, policy, name, "dropped")
    if folder is not None:
        partition_export.prepare(name, folder)  # before the table is changed
    foreign_keys.drop(context, policy, name)
    work = Work([Lock(database.schema, name, "ACCESS EXCLUSIVE")], finish=finish)
    gone, manifest = ladder.step(context, lambda _: work, what=f"drop {name}") or (False, None)
    where = f", exported to {manifest.file} with {manifest.rows} rows" if manifest else ""
    if gone:
        context.tell(Progress(f"dropped {name}{where}"))
    return gone, manifest
