"""Takes partitions away that are older than they have to be kept, and brings them back."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.ladder import DEFAULT_PATIENCE, Lock, Patience, Progress
from lmsschema.partition_manager import attach, detach, detached, foreign_keys, referrers
from lmsschema.partition_manager import export as partition_export
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.export import Manifest, export
from lmsschema.partition_manager.refusals import Refusals
from lmsschema.partition_manager.retention import FEW, Mark, Prune, Span, plan_prune
from lmsschema.partitions import Partition, Policy


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
    database: Database,
    policy: Policy,
    keep: Span,
    *,
    drop_after: Span | None = None,
    folder: Path | None = None,
    allow_many: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> Pruned:
    """Detach what lies wholly before the cutoff; drop what has been detached for long enough.

    Args:
        database: Where.
        policy: The table's policy.
        keep: How long rows are kept.
        drop_after: How long a detached table is kept before it is dropped; None: for ever.
        folder: Where a table is exported to before it is dropped.
        allow_many: Whether more than three may go in this run.
        patience: How long locks are waited for.
        progress: Told what was done.

    Raises:
        LockTimeoutError: A lock was not got in time; what was done before is in place.
        LmsschemaError: Partitions were refused, each with what to do; all others are done.
    """
    now, planned = plan(database, policy, keep, allow_many=True)
    limit = len(planned.expired) if allow_many else FEW
    gone: list[str] = []
    dropped: list[str] = []
    exports: list[Manifest] = []
    refusals = Refusals()
    require_writable(database)
    with translated(database.target):
        before = detached.tables(database, policy)
        try:
            for partition in planned.expired:
                if len(gone) < limit:
                    with refusals.kept():
                        gone += _detach(database, policy, partition, patience, progress)
            for name in overdue(before, now, drop_after, allow_many=True):
                if len(dropped) == FEW and not allow_many:
                    break
                with refusals.kept(), partition_state.claimed(database, policy):
                    done, manifest = _drop(
                        database, policy, name, folder, patience=patience, progress=progress
                    )
                    dropped += [name] * done
                    exports += [manifest] if manifest is not None else []
        except partition_state.BusyError:
            progress(partition_state.busy(policy))
    refusals.raise_any(
        detached=gone, dropped=dropped, exports=[dataclasses.asdict(one) for one in exports]
    )
    left = tuple(name for name, _ in before if name not in dropped)
    more = len(planned.expired) - len(gone)
    planned = dataclasses.replace(planned, expired=planned.expired[:limit], left=more)
    return Pruned(planned, tuple(gone), tuple(dropped), tuple(exports), left)


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


def _detach(
    database: Database,
    policy: Policy,
    partition: Partition,
    patience: Patience,
    progress: Progress,
) -> list[str]:
    """Detach a partition in a transaction of its own; returns its name if it was still there.

    Raises:
        UnsafeError: It lies in another schema, or rows refer to rows of it.
    """
    if partition.schema is not None:
        raise UnsafeError(
            f"{partition.name} was not detached: it lies in schema {partition.schema}",
            hint=sql.SQL("ALTER TABLE {} SET SCHEMA {}; then lmsschema partitions prune")
            .format(
                sql.Identifier(partition.schema, partition.name), sql.Identifier(database.schema)
            )
            .as_string(),
            details={"partition": partition.name},
        )
    around = attach.surroundings(database, policy)

    state: partition_state.State | None = None

    def prepare(conn: psycopg.Connection) -> None:
        nonlocal state
        partition_state.claim(conn, database, policy)
        state = partition_state.read(database, policy)

    def work(_: psycopg.Connection) -> list[str]:
        if state is None or partition not in state.partitions or partition.range is None:
            return []
        detach.detach(database, policy, partition.name, partition.range, now=state.now)
        return [partition.name]

    def wanted() -> list[Lock]:
        default = state.default if state is not None else None
        return detach.needed(database, policy, around, default, partition.name)

    try:
        with translated(database.target):
            done = ladder.step(
                database,
                work,
                what=f"detach {partition.name}",
                locks=wanted,
                prepare=prepare,
                patience=patience,
                progress=progress,
            )
    except LmsschemaError as error:
        if isinstance(error.__cause__, errors.ForeignKeyViolation):
            raise referrers.refusal(database, policy, partition.name, "detached") from None
        raise
    if done:
        progress(f"detached {partition.name}")
    return done


def _drop(
    database: Database,
    policy: Policy,
    name: str,
    folder: Path | None,
    *,
    patience: Patience,
    progress: Progress,
) -> tuple[bool, Manifest | None]:
    """Export a detached table if asked, and drop it, unless it is none any more.

    Locks: its foreign keys are dropped first
    (:mod:`lmsschema.partition_manager.foreign_keys`); then nothing but the table itself is
    locked, ACCESS EXCLUSIVE, until it is exported, verified and dropped.

    Returns:
        Whether it was dropped, and its export's manifest.
    """

    def is_detached() -> bool:
        return name in dict(detached.tables(database, policy))

    def work(conn: psycopg.Connection) -> tuple[bool, Manifest | None]:
        if not is_detached():  # somebody attached it by hand
            return False, None
        # while the file is verified, the server hears nothing of us
        conn.execute("SET LOCAL idle_in_transaction_session_timeout TO 0")
        manifest = None if folder is None else export(database, policy, name, folder)
        try:
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        except BaseException:
            if folder is not None and manifest is not None:
                partition_export.discard(folder, manifest)
            raise
        return True, manifest

    if not is_detached():  # another run restored or dropped it
        return False, None
    if folder is not None:
        partition_export.prepare(name, folder)  # before the table is changed
    with translated(database.target):
        foreign_keys.drop(database, policy, name, patience, progress)
        gone, manifest = ladder.step(
            database,
            work,
            what=f"drop {name}",
            locks=lambda: [Lock(database.schema, name, "ACCESS EXCLUSIVE")],
            patience=patience,
            progress=progress,
        )
    where = f", exported to {manifest.file} with {manifest.rows} rows" if manifest else ""
    if gone:
        progress(f"dropped {name}{where}")
    return gone, manifest
