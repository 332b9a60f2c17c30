"""A run over a partitioned table: its next action is chosen and applied, or passed over."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError, LockTimeoutError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.ladder import Lock, Mode, Patience, Progress
from lmsschema.partition_manager import attach, state, statements
from lmsschema.partition_manager.refusals import Refusals
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Action, Attach, Create, Finalize, Policy, bound

Planner: TypeAlias = Callable[[State], Sequence[Action]]


class _PassedOver(Exception):  # noqa: N818  no error: the run goes on without one action
    """An action can't be applied; its transaction is rolled back and the run goes on."""


class Run:
    """A run over a table: one transaction after the other, each planned afresh.

    Attributes:
        done: The actions that were applied, in order.
        in_the_way: Partitions that can't be made since the default holds rows of theirs.
        refused: Why others can't be made.
        refusal: The same, as one error, or None.
        postponed: Why the end of a detach that was cut short could not be had.
        state: How the table stood before the transaction under way.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy,
        planner: Planner,
        patience: Patience,
        progress: Progress,
    ) -> None:
        self.done: list[Action] = []
        self.in_the_way: list[Create] = []
        self.refused = Refusals()
        self.postponed: LockTimeoutError | None = None
        self.state: State
        self._database = database
        self._policy = policy
        self._planner = planner
        self._patience = patience
        self._progress = progress
        self._batch: list[Action] = []
        self._pass_over: set[Action] = set()
        self._one_by_one = False
        self._around = attach.surroundings(database, policy)

    @property
    def refusal(self) -> LmsschemaError | None:
        """Why partitions can't be made, or None."""
        return self.refused.error()

    def goes_on(self) -> bool:
        """Apply what comes next, or find that it has to be passed over; False if nothing is left.

        Raises:
            BusyError: Another run is at work.
            LockTimeoutError: A lock was not got in time; what was done before is in place.
        """
        try:
            ladder.step(
                self._database,
                self._finish,
                what=f"make partitions of {self._policy.table}",
                locks=self._locks,
                prepare=self._prepare,
                statements=self._statements,
                commit=not self._around.identity_by_index,
                patience=self._patience,
                progress=self._progress,
            )
        except _PassedOver:
            return True
        except errors.CheckViolation as error:
            self._violated(error)
            return True
        except LockTimeoutError as error:
            self._postpone(error)
            return True
        self.done += self._batch
        for action in self._batch:
            self._progress(_told(action))
        return bool(self._batch)

    def _locks(self) -> list[Lock]:
        """Return the locks that the actions under way need."""
        if all(isinstance(action, Finalize) for action in self._batch):
            return []
        # PostgreSQL replaces the triggers of foreign keys that a table brings along
        along = any(isinstance(action, Attach) for action in self._batch)
        mode: Mode = "ACCESS EXCLUSIVE" if along else "SHARE ROW EXCLUSIVE"
        return attach.needed(self._database, self._policy, self._around, self.state.default, mode)

    def _prepare(self, conn: psycopg.Connection) -> None:
        """Choose the next action, or all if the table has no partition and so no row."""
        state.claim(conn, self._database, self._policy)
        self.state = state.read(self._database, self._policy)
        wanted = [one for one in self._planner(self.state) if self._is_possible(one)]
        at_once = not self.state.partitions and not self._one_by_one
        self._batch = wanted if at_once else wanted[: _together(wanted)]
        if creates := [action for action in self._batch if isinstance(action, Create)]:
            self._create(creates)
        for action in self._batch:
            if isinstance(action, Finalize):  # before anybody waits for us: it waits for others
                conn.execute(statements.finalize(self._policy, action))

    def _statements(self) -> list[sql.Composed]:
        """Return what is run of them under the locks."""
        return [
            statements.attach(self._policy, action)
            for action in self._batch
            if not isinstance(action, Finalize)
        ]

    def _finish(self, conn: psycopg.Connection) -> None:  # noqa: ARG002  the database's own
        """Give what was attached the rest, where the commit has waited for it."""
        attached = [one.name for one in self._batch if not isinstance(one, Finalize)]
        attach.finish(self._database, self._policy, attached, self._around)

    def _postpone(self, error: LockTimeoutError) -> None:
        """Go on without the end of a detach that was not got; raise any other error.

        PostgreSQL waits in it for every transaction that may still see the partition.
        """
        if not any(isinstance(action, Finalize) for action in self._batch):
            raise error
        from lmsschema.locks import concurrently

        old = concurrently.old_transactions(self._database.conn, older=0)
        self.postponed = LockTimeoutError(
            f"did not finish the detach of {self._batch[0].name}, which was cut short and waits "
            "for: " + ("; ".join(map(str, old)) or "a transaction that has ended by now"),
            hint="Its rows are out of sight until then. Let those end, or end them; then run the "
            "command again.",
            details={"blockers": [dataclasses.asdict(one) for one in old]},
        )
        self._pass_over.update(self._batch)

    def _is_possible(self, action: Action) -> bool:
        """Whether an action can be tried.

        A default that is made beside a detach which is not finished would take rows of its bounds.
        """
        default = isinstance(action, Create) and action.range is None
        return action not in self._pass_over and not (default and self.postponed)

    def _violated(self, error: errors.CheckViolation) -> None:
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
                self.refused.errors.append(error)
                self._pass_over.update(actions)
            self._one_by_one = True
            raise _PassedOver from None

    def _rows_in_the_way(self, action: Create) -> bool:
        """Whether the default holds a row that belongs to a partition which is to be made."""
        if self.state.default is None or action.range is None:
            return False
        found = self._database.conn.execute(
            sql.SQL(
                "SELECT EXISTS (SELECT FROM ONLY {table} WHERE {key} >= {from_} AND {key} < {to})"
            ).format(
                table=sql.Identifier(self.state.default),
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


def _told(action: Action) -> str:
    if isinstance(action, Finalize):
        return f"finished the detach of {action.name} that was cut short"
    if isinstance(action, Create):
        return f"made {action.name}"
    return f"attached {action.name}"
