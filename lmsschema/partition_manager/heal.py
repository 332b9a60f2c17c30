"""Moves misplaced rows out of the default partition, to the partitions that they belong to."""

import dataclasses
from datetime import UTC, datetime

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database, require_writable
from lmsschema.database.queries import query
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Work
from lmsschema.partition_manager import (
    attach,
    dependents,
    detached,
    kinds,
    promote,
    publications,
    referrers,
    rights,
)
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.heal_plan import (
    LIMITS,
    Heal,
    HealLimits,
    Held,
    Misplaced,
    plan_heal,
)
from lmsschema.partition_manager.retention import Span
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Policy

#: How often a heal is planned again since rows came that no longer fit the plan.
_REPLANS = 5


@dataclasses.dataclass(frozen=True)
class Healed:
    """What a heal did.

    Attributes:
        table: The partitioned table.
        plan: What was planned, and applied if ``applied``.
        applied: Whether it was; with nothing to do, or on a dry run, not.
        busy: Whether another run was at work, so that nothing was done.
    """

    table: str
    plan: Heal
    applied: bool
    busy: bool = False


def read_misplaced(database: Database, policy: Policy, default: str) -> tuple[list[Misplaced], int]:
    """Count the default's rows by interval; and those whose time is none of an interval.

    Reads the whole default, under ACCESS SHARE.
    """
    rows = database.conn.execute(
        sql.SQL(
            "SELECT CASE WHEN isfinite({key}) AND {key} >= '0001-01-08' AND {key} < '9990-01-01'"
            " THEN date_trunc({interval}, {key}::timestamp) END AS start, count(*)"
            " FROM {table} GROUP BY 1 ORDER BY 1"
        ).format(
            key=sql.Identifier(policy.key),
            interval=policy.interval,
            table=sql.Identifier(default),
        )
    ).fetchall()
    misplaced = [
        Misplaced(start.replace(tzinfo=UTC), count) for start, count in rows if start is not None
    ]
    return misplaced, sum(count for start, count in rows if start is None)


def plan(database: Database, policy: Policy, limits: HealLimits = LIMITS) -> tuple[State, Heal]:
    """Read how a table stands and plan what is to be done; changes nothing."""
    with translated(database.target), database.transaction(read_only=True):
        state = partition_state.read(database, policy)
        with rights.readable(database, state.default):
            return state, _plan(database, policy, state, limits)


def heal(
    context: Context,
    policy: Policy,
    *,
    may_move: bool = True,
    limits: HealLimits = LIMITS,
) -> Healed:
    """Move rows out of the default partition, by promotion or by copying them.

    Args:
        context: Where, and how long locks are waited for.
        policy: The table's policy.
        may_move: Whether many rows may be moved; without it, such a plan is not applied.
        limits: How much is done at once, and how far back rows get partitions.

    Raises:
        LockTimeoutError: A lock was not obtained in time.
        UnsafeError: Foreign keys refer to the table, so that its rows can't be moved; or another
            table has the name of a partition that is needed, and everything else was done.
    """
    healed = apply(context, policy, may_move=may_move, limits=limits)
    refused = refusal(context.database, policy, healed.plan)
    if refused is not None:
        raise refused
    return healed


def refusal(database: Database, policy: Policy, planned: Heal) -> UnsafeError | None:
    """Return the error that other tables have the names of partitions for rows, or None."""
    names = [one.name for one in planned.held if not one.detached]
    return attach.taken(database, policy, names) if names else None


def apply(
    context: Context, policy: Policy, *, may_move: bool, limits: HealLimits = LIMITS
) -> Healed:
    """Do what :func:`heal` does, and leave rows whose partition's name is taken where they are."""
    database = context.database
    state, planned = plan(database, policy, limits)
    with translated(database.target):
        for _ in range(_REPLANS):
            try:
                if state.unfinished and not database.read_only:
                    from lmsschema.partition_manager import leftovers

                    leftovers.clear(context, policy)
                if planned.method == "nothing" or (planned.method == "move" and not may_move):
                    return Healed(policy.table, planned, applied=False)
                require_writable(database)
                kinds.refuse_default(database, policy, state.default_partition)
                if state.default is not None:
                    what = "exchanged for a fresh one"
                    dependents.refuse_if_any(database, policy, state.default, what, own=True)
                    copies = planned.method == "move" or planned.moved + planned.staying > 0
                    publications.refuse_if_any(database, policy, state.default, copies=copies)
                if planned.method == "promote":
                    return _promote(context, policy, limits)
                referrers.refuse_if_any(database, policy)
                rights.require_references(database, policy)
                with partition_state.claimed(database, policy):
                    # another run may have been at work
                    state, planned = plan(database, policy, limits)
                    if planned.method == "move":
                        from lmsschema.partition_manager import move

                        move.move(context, policy, planned, limits.pages)
                        return Healed(policy.table, planned, applied=True)
            except partition_state.BusyError:
                context.tell(Progress(partition_state.busy(policy)))
                return Healed(policy.table, planned, applied=False, busy=True)
            except errors.CheckViolation:  # a row came meanwhile that belongs elsewhere
                state, planned = plan(database, policy, limits)
    raise LmsschemaError(
        f"rows of other months keep coming into the default partition of {policy.table}",
        hint="Run the command again.",
    )


def _plan(database: Database, policy: Policy, state: State, limits: HealLimits) -> Heal:
    if state.default is None:
        return plan_heal(policy, state.partitions, [], state.now)
    misplaced, elsewhere = read_misplaced(database, policy, state.default)
    held = _read_held(database, policy, misplaced)
    return plan_heal(
        policy,
        state.partitions,
        misplaced,
        state.now,
        elsewhere=elsewhere,
        held=held,
        since=_since(limits.reach, state.now),
        few=limits.few,
    )


def _since(reach: Span | None, now: datetime) -> datetime | None:
    if reach is None:
        return None
    try:
        return reach.before(now)
    except (ValueError, OverflowError):  # before the year 1: every row is later
        return datetime.min.replace(tzinfo=UTC)


def _read_held(database: Database, policy: Policy, misplaced: list[Misplaced]) -> list[Held]:
    """Return the tables that have the bounds or the names of partitions for these rows."""
    if not misplaced:
        return []
    held = [
        Held(name, bounds, 0, detached=True)
        for name, mark in detached.tables(database, policy)
        if (bounds := partition_state.parse_bounds(mark.bounds)) is not None
    ]
    names = {policy.name(interval.start): interval.start for interval in misplaced}
    taken = database.conn.execute(
        query("partition_manager/taken"),
        {
            "schema": database.schema,
            "table": policy.table,
            "names": list(names),
            "mark": partition_state.unfinished_mark(policy),
        },
    ).fetchall()
    known = {one.name for one in held}
    return held + [
        Held(name, policy.interval_of(names[name]), 0, detached=False)
        for (name,) in taken
        if name not in known
    ]


def _promote(context: Context, policy: Policy, limits: HealLimits) -> Healed:
    """Promote the default, planned from what it holds when the transaction begins."""
    database = context.database
    around = attach.surroundings(database, policy)

    def prepare(conn: psycopg.Connection) -> Work[tuple[Healed, str]]:
        partition_state.claim(conn, database, policy)
        state = partition_state.read(database, policy)
        planned = _plan(database, policy, state, limits)
        default = state.default or policy.default_name
        if planned.method != "promote":
            return Work(finish=lambda _: (Healed(policy.table, planned, applied=False), default))
        if planned.moved or planned.staying:
            referrers.refuse_if_any(database, policy)
        promote.prepare(database, policy, planned, around)
        locks = promote.needed(database, policy, around, default)
        return Work(locks, finish=lambda _: promoted(planned, default))

    def promoted(planned: Heal, default: str) -> tuple[Healed, str]:
        promote.promote(database, policy, planned, default)
        return Healed(policy.table, planned, applied=True), default

    found = ladder.step(context, prepare, what=f"make the default of {policy.table} a partition")
    if found is None:
        raise TypeError("a promotion without work")
    done, default = found
    if done.applied and done.plan.promoted is not None:
        context.tell(
            Progress(
                f"{default} became {done.plan.promoted.name} with "
                f"{done.plan.rows - done.plan.moved} rows; a fresh {default} took its place"
            )
        )
    return done


def describe(planned: Heal) -> str:
    """Say what a heal does, and why; a line for each table that rows wait for."""
    kept = "".join(f"\n  {one}" for one in planned.held)
    if planned.method == "nothing":
        return f"nothing to heal: {planned.why}; {planned.staying} rows stay in the default{kept}"
    verb = "promote the default" if planned.method == "promote" else "move rows"
    return (
        f"{verb}: {planned.rows} rows get their partition ({planned.why}); "
        f"{planned.staying} rows stay in the default{kept}"
    )
