"""Makes the partitions that a table's policy wants and does not have: the cron job's work."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import psycopg
from psycopg import errors, sql

from lmsschema import partition_heal, partition_state
from lmsschema.db import Database, require_writable
from lmsschema.ddl import attach, locks
from lmsschema.ddl.locks import DEFAULT_PATIENCE, Lock, Mode, Patience, Progress
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.partition_homes import Heal
from lmsschema.partition_state import BusyError, State
from lmsschema.partitions import (
    Action,
    Attach,
    Create,
    Finalize,
    Policy,
    bound,
    covered_until,
    plan,
)
from lmsschema.sqlstate import translated

Planner: TypeAlias = Callable[[State], Sequence[Action]]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run did, and how the table stands.

    Attributes:
        table: The partitioned table.
        done: The actions that were applied, in order.
        in_the_way: Partitions that could not be made since the default holds rows of theirs.
        busy: Whether another run was at work; this one then left the rest to it.
        until: The first instant from now on that has no partition of its own; None: no end.
        now: The database's time.
        default: The partition that takes rows which have none of their own, or None.
        healed: How rows of the default were, or would have to be, brought home; None if none had.
    """

    table: str
    done: tuple[Action, ...]
    in_the_way: tuple[Create, ...]
    busy: bool
    until: datetime | None
    now: datetime
    default: str | None
    healed: Heal | None = None


def ensure(
    database: Database,
    policy: Policy,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Make what is missing from the current interval to the last one ahead, and the default.

    Each partition is made in a transaction of its own (:mod:`lmsschema.ddl.attach` says what that
    locks), planned afresh from what the catalogs say by then; only the first partitions of a table
    that has none are made in one. With nothing to do, one query is all that is run. Where rows in
    the default stand in the way, the default is promoted if that brings them home.

    Args:
        database: Where; opened and closed by the caller.
        policy: The table's policy.
        patience: How long each partition's locks are waited for.
        progress: Told what was made and who is in the way.

    Raises:
        LockTimeoutError: A lock was not got in time; what was made before is in place.
        UnsafeError: A table that is none of ours has a partition's name; everything else was made.
    """

    def planner(state: State) -> list[Action]:
        return plan(policy, state.partitions, state.now)

    outcome = make(database, policy, planner, patience=patience, progress=progress)
    if not outcome.in_the_way:
        return outcome
    healed = partition_heal.heal(
        database, policy, may_move=False, patience=patience, progress=progress
    )
    if not healed.applied:
        return dataclasses.replace(outcome, healed=healed.plan)
    after = make(database, policy, planner, patience=patience, progress=progress)
    return dataclasses.replace(after, done=outcome.done + after.done, healed=healed.plan)


def make(
    database: Database,
    policy: Policy,
    planner: Planner,
    *,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Do what ``planner`` wants of a table until it wants nothing more; see :func:`ensure`."""
    with translated(database.target):
        with database.transaction(read_only=True):
            state = partition_state.read(database, policy)
        left = _clear(database, policy, patience, progress) if state.unfinished else None
        if not planner(state) and left is None:
            return _outcome(policy, state)
        require_writable(database)
        run = _Run(database, policy, planner, state)
        while True:
            try:
                state, batch = locks.step(
                    database,
                    run.apply,
                    what=f"make partitions of {policy.table}",
                    locks=run.locks,
                    prepare=run.prepare,
                    statements=run.statements,
                    commit=run.done_by_statements,
                    patience=patience,
                    progress=progress,
                )
            except _PassedOver:
                continue
            except errors.CheckViolation as error:
                run.violated(error)
                continue
            except BusyError:
                progress(partition_state.busy(policy))
                with database.transaction(read_only=True):
                    state = partition_state.read(database, policy)
                return _outcome(policy, state, run, busy=True)
            if not batch:
                break
            run.done += batch
            for action in batch:
                progress(_told(action))
    if left is not None:
        raise left
    if run.refused:
        raise run.refused[0]
    return _outcome(policy, state, run)


def _clear(
    database: Database, policy: Policy, patience: Patience, progress: Progress
) -> LockTimeoutError | None:
    """Remove what a move left that was cut short; what is to be made does not wait for that.

    Returns:
        Why it could not be removed, if a lock was not got in time.
    """
    if database.read_only:
        return None
    from lmsschema import partition_leftovers

    try:
        partition_leftovers.clear(database, policy, patience, progress)
    except BusyError:  # perhaps it is the move itself
        return None
    except LockTimeoutError as error:
        return error
    return None


class _PassedOver(Exception):  # noqa: N818  no error: the run goes on without one action
    """An action can't be applied; its transaction is rolled back and the run goes on."""


class _Run:
    """A run over a table: what it did so far, and what it has to pass over."""

    def __init__(self, database: Database, policy: Policy, planner: Planner, state: State) -> None:
        self.done: list[Action] = []
        self.in_the_way: list[Create] = []
        self.refused: list[UnsafeError] = []
        self._database = database
        self._policy = policy
        self._planner = planner
        self._state = state
        self._batch: list[Action] = []
        self._pass_over: set[Action] = set()
        self._one_by_one = False
        self._around = attach.surroundings(database, policy)
        self.done_by_statements = not self._around.identity_by_index

    def locks(self) -> list[Lock]:
        """Return the locks that the actions under way need."""
        if all(isinstance(action, Finalize) for action in self._batch):
            return []
        # PostgreSQL replaces the triggers of foreign keys that a table brings along
        along = any(isinstance(action, Attach) for action in self._batch)
        mode: Mode = "ACCESS EXCLUSIVE" if along else "SHARE ROW EXCLUSIVE"
        return attach.needed(self._database, self._policy, self._around, self._state.default, mode)

    def prepare(self, conn: psycopg.Connection) -> None:
        """Choose the next action, or all if the table has no partition and so no row."""
        partition_state.claim(conn, self._database, self._policy)
        self._state = partition_state.read(self._database, self._policy)
        wanted = [one for one in self._planner(self._state) if one not in self._pass_over]
        at_once = not self._state.partitions and not self._one_by_one
        self._batch = wanted if at_once else wanted[: _together(wanted)]
        if creates := [action for action in self._batch if isinstance(action, Create)]:
            self._create(creates)

    def statements(self) -> list[sql.Composed]:
        """Return what is run of them under the locks."""
        return [attach.statement(self._policy, action) for action in self._batch]

    def apply(self, conn: psycopg.Connection) -> tuple[State, list[Action]]:  # noqa: ARG002  the database's own
        """Finish what was chosen; unless ``done_by_statements``, in the same transaction.

        Returns:
            How the table stood before it, and what was applied: nothing if nothing is left.
        """
        attached = [one.name for one in self._batch if not isinstance(one, Finalize)]
        attach.finish(self._database, self._policy, attached, self._around)
        return self._state, self._batch

    def violated(self, error: errors.CheckViolation) -> None:
        """Pass over the action under way: a row of its came between our look and our lock."""
        (action,) = self._batch if len(self._batch) == 1 else (None,)
        if not isinstance(action, Create):
            raise error
        self.in_the_way.append(action)
        self._pass_over.add(action)

    def _create(self, actions: list[Create]) -> None:
        for action in actions:
            if self._rows_in_the_way(action):
                self.in_the_way.append(action)
                self._pass_over.add(action)
                raise _PassedOver
        try:
            names = [action.name for action in actions]
            attach.create(self._database, self._policy, names, self._around)
        except UnsafeError as error:
            if len(actions) == 1:
                self.refused.append(error)
                self._pass_over.update(actions)
            self._one_by_one = True
            raise _PassedOver from None

    def _rows_in_the_way(self, action: Create) -> bool:
        """Whether the default holds a row that belongs to a partition which is to be made."""
        if self._state.default is None or action.range is None:
            return False
        found = self._database.conn.execute(
            sql.SQL(
                "SELECT EXISTS (SELECT FROM ONLY {table} WHERE {key} >= {from_} AND {key} < {to})"
            ).format(
                table=sql.Identifier(self._state.default),
                key=sql.Identifier(self._policy.key),
                from_=sql.SQL(bound(action.range.lower, "'-infinity'")),
                to=sql.SQL(bound(action.range.upper, "'infinity'")),
            )
        )
        return found.fetchone() == (True,)


def _together(actions: Sequence[Action]) -> int:
    """Return how many of the next actions belong in one transaction.

    Once a detach is finished, the catalogs no longer say what the table's bounds were.
    """
    both = len(actions) > 1 and isinstance(actions[0], Finalize) and isinstance(actions[1], Attach)
    return 2 if both and actions[0].name == actions[1].name else 1


def _outcome(
    policy: Policy, state: State, run: _Run | None = None, *, busy: bool = False
) -> Outcome:
    return Outcome(
        policy.table,
        tuple(run.done) if run else (),
        tuple(run.in_the_way) if run else (),
        busy,
        covered_until(state.partitions, state.now),
        state.now,
        state.default,
    )


def _told(action: Action) -> str:
    if isinstance(action, Finalize):
        return f"finished the detach of {action.name} that was cut short"
    if isinstance(action, Create):
        return f"made {action.name}"
    return f"attached {action.name}"
