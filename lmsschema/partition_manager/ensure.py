"""Makes the partitions that a table's policy wants and does not have: the cron job's work."""

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING

from lmsschema.database.connection import require_writable
from lmsschema.database.sqlstate import translated
from lmsschema.errors import LmsschemaError, LockTimeoutError
from lmsschema.locks.context import Context, Progress
from lmsschema.partition_manager import state as partition_state
from lmsschema.partition_manager.actions import Planner, Run
from lmsschema.partition_manager.state import BusyError, State
from lmsschema.partitions import (
    Action,
    Create,
    Policy,
    covered_until,
    plan,
)

if TYPE_CHECKING:
    from lmsschema.partition_manager.heal_plan import Heal


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run did, and how the table stands.

    Attributes:
        table: The partitioned table.
        done: The actions that were applied, in order.
        blocked: Partitions that could not be made since the default holds rows of theirs.
        busy: Whether another run was at work; this one then left the rest to it.
        until: The first instant from now on that has no partition of its own; None: no end.
        now: The database's time.
        default: The partition that takes rows which have none of their own, or None.
        healed: How misplaced rows were, or would be, moved to their partitions; None: none were.
    """

    table: str
    done: tuple[Action, ...]
    blocked: tuple[Create, ...]
    busy: bool
    until: datetime | None
    now: datetime
    default: str | None
    healed: "Heal | None" = None


def ensure(
    context: Context,
    policy: Policy,
) -> Outcome:
    """Make what is missing from the current interval to the last one ahead, and the default.

    Each partition is made in a transaction of its own
    (:mod:`lmsschema.partition_manager.attach` says what that locks), planned afresh from what
    the catalogs say by then; only the first partitions of a table
    that has none are made in one. With nothing to do, one query is all that is run. Where rows in
    the default block a partition, the default is promoted if that is where they belong.

    Args:
        context: Where, and how long each partition's locks are waited for.
        policy: The table's policy.

    Raises:
        LockTimeoutError: A lock was not obtained in time; what was made before is in place.
        UnsafeError: A table that is none of ours has a partition's name; everything else was made.
    """

    def planner(state: State) -> list[Action]:
        return plan(policy, state.partitions, state.now)

    outcome, error = _made(context, policy, planner)
    if outcome.blocked:
        from lmsschema.partition_manager import heal

        try:
            healed = heal.apply(context, policy, may_move=False)
        except LmsschemaError as refused:
            raise error or refused from None
        if healed.applied:
            done = outcome.done
            outcome, error = _made(context, policy, planner)
            outcome = dataclasses.replace(outcome, done=done + outcome.done)
        outcome = dataclasses.replace(outcome, healed=healed.plan)
        error = error or heal.refusal(context.database, policy, healed.plan)
    if error is not None:
        raise error
    return outcome


def make(
    context: Context,
    policy: Policy,
    planner: Planner,
) -> Outcome:
    """Do what ``planner`` wants of a table until it wants nothing more; see :func:`ensure`."""
    outcome, error = _made(context, policy, planner)
    if error is not None:
        raise error
    return outcome


def _made(
    context: Context, policy: Policy, planner: Planner
) -> tuple[Outcome, LmsschemaError | None]:
    """Do what ``planner`` wants; return what was done, and what was refused or not obtained."""
    database = context.database
    with translated(database.target):
        with database.transaction(read_only=True):
            state = partition_state.read(database, policy)
        left = _clear(context, policy) if state.unfinished else None
        if not planner(state) and left is None:
            return _outcome(policy, state), None
        require_writable(database)
        run = Run(context, policy, planner)
        try:
            while run.goes_on():
                pass
        except BusyError:
            context.tell(Progress(partition_state.busy(policy)))
            with database.transaction(read_only=True):
                state = partition_state.read(database, policy)
            return _outcome(policy, state, run, busy=True), None
    return _outcome(policy, run.state, run), left or run.refusal or run.postponed


def _clear(context: Context, policy: Policy) -> LmsschemaError | None:
    """Remove what an interrupted move left; what is to be made does not wait for that.

    Returns:
        Why it could not be removed: a lock was not obtained in time, or it is another role's.
    """
    if context.database.read_only:
        return None
    from lmsschema.partition_manager import leftovers

    try:
        with translated(context.database.target):
            leftovers.clear(context, policy)
    except BusyError:  # perhaps it is the move itself
        return None
    except LockTimeoutError as error:
        return error
    except LmsschemaError as error:
        return type(error)(
            f"what an interrupted move of rows left could not be removed: {error.message}",
            hint="Run lmsschema partitions heal as the role that began it, or as a superuser.",
            details=error.details,
        )
    return None


def _outcome(
    policy: Policy, state: State, run: Run | None = None, *, busy: bool = False
) -> Outcome:
    return Outcome(
        policy.table,
        tuple(run.done) if run else (),
        tuple(run.blocked) if run else (),
        busy,
        covered_until(state.partitions, state.now),
        state.now,
        state.default,
    )
