"""A run over a partitioned table: its next action is chosen and applied, or passed over."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import psycopg
from psycopg import errors, sql

from lmsschema.errors import LmsschemaError, LockTimeoutError
from lmsschema.locks import ladder
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.ladder import Lock, Mode, Work
from lmsschema.partition_manager import attach, kinds, state, statements
from lmsschema.partition_manager.attach import NameTakenError
from lmsschema.partition_manager.refusals import Refusals
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Action, Attach, Create, Finalize, Policy, bound

Planner: TypeAlias = Callable[[State], Sequence[Action]]


class Run:
    """A run over a table: one transaction after the other, each planned afresh.

    Attributes:
        done: The actions that were applied, in order.
        blocked: Partitions that can't be made since the default holds rows of theirs.
        refused: Why others can't be made.
        refusal: The same, as one error, or None.
        postponed: Why a detach that was interrupted could not be finished.
        state: How the table stood before the transaction under way.
    """

    def __init__(self, context: Context, policy: Policy, planner: Planner) -> None:
        self.done: list[Action] = []
        self.blocked: list[Create] = []
        self.refused = Refusals()
        self.postponed: LockTimeoutError | None = None
        self.state: State
        self._context = context
        self._database = context.database
        self._policy = policy
        self._planner = planner
        self._batch: list[Action] = []  # what the transaction under way applies
        self._wanted = 0  # how many are left, those of the batch included
        self._pass_over: set[Action] = set()
        self._one_by_one = False
        self._around = attach.surroundings(self._database, policy)

    @property
    def refusal(self) -> LmsschemaError | None:
        """Why partitions can't be made, or None."""
        return self.refused.error()

    def goes_on(self) -> bool:
        """Apply what comes next, or find that it has to be passed over; False if nothing is left.

        Raises:
            BusyError: Another run is at work.
            LockTimeoutError: A lock was not obtained in time; what was done before is in place.
        """
        what = f"make partitions of {self._policy.table}"
        try:
            applied = ladder.step(self._context, self._prepare, what=what)
        except NameTakenError as error:
            self._refuse(error)
        except errors.CheckViolation as error:
            self._violated(error)
        except LockTimeoutError as error:
            self._postpone(error)
        else:
            total = len(self.done) + self._wanted
            for one in applied or ():
                self.done.append(one)
                self._context.tell(Progress(_told(one), len(self.done), total, single=True))
        return bool(self._batch)

    def _prepare(self, conn: psycopg.Connection) -> Work[list[Action]] | None:
        """Choose the next action, or all if the table has no partition and so no row."""
        self._batch = []
        state.claim(conn, self._database, self._policy)
        self.state = state.read(self._database, self._policy)
        wanted = [one for one in self._planner(self.state) if self._is_possible(one)]
        self._wanted = len(wanted)
        at_once = not self.state.partitions and not self._one_by_one
        batch = wanted if at_once else wanted[: _together(wanted)]
        if not batch:
            return None
        self._batch = batch
        creates = [action for action in batch if isinstance(action, Create)]
        default = self.state.default_partition
        if default is not None and default.kind == "foreign table":  # it can't be locked
            kinds.refuse_default(self._database, self._policy, default)
        for action in creates:
            if self._is_blocked(action):
                self._block(action)
                return None
        if creates:
            names = [action.name for action in creates]
            attach.create(self._database, self._policy, names, self._around)
        for one in batch:
            if isinstance(one, Finalize):  # before anybody waits for us: it waits for others
                conn.execute(statements.finalize(self._policy, one))
        attached = [one for one in batch if not isinstance(one, Finalize)]
        return Work(
            self._locks(attached),
            [statements.attach(self._policy, action) for action in attached],
            lambda _: self._finish(batch),
            commit=not self._around.identity_by_index,
        )

    def _locks(self, attached: Sequence[Create | Attach]) -> list[Lock]:
        """Return the locks that attaching takes."""
        if not attached:
            return []
        # PostgreSQL replaces the triggers of foreign keys that a table has already
        along = any(isinstance(action, Attach) for action in attached)
        mode: Mode = "ACCESS EXCLUSIVE" if along else "SHARE ROW EXCLUSIVE"
        return attach.needed(self._database, self._policy, self._around, self.state.default, mode)

    def _finish(self, batch: list[Action]) -> list[Action]:
        """Give what was attached the rest, where the commit has waited for it; return all."""
        attached = [one.name for one in batch if not isinstance(one, Finalize)]
        attach.finish(self._database, self._policy, attached, self._around)
        return batch

    def _postpone(self, error: LockTimeoutError) -> None:
        """Go on though an interrupted detach could not be finished; raise any other error.

        PostgreSQL waits in it for every transaction that may still see the partition.
        """
        if not any(isinstance(action, Finalize) for action in self._batch):
            raise error
        from lmsschema.locks import sessions

        old = sessions.old_transactions(self._database.conn, older=0)
        self.postponed = LockTimeoutError(
            f"did not finish the detach of {self._batch[0].name}, which was interrupted and waits "
            "for: " + ("; ".join(map(str, old)) or "a transaction that has ended by now"),
            hint="Its rows are hidden until then. Let those end, or end them; then run the "
            "command again.",
            details={"blockers": [one.as_data() for one in old]},
        )
        self._pass_over.update(self._batch)

    def _is_possible(self, action: Action) -> bool:
        """Whether an action can be tried.

        A default that is made beside a detach which is not finished would take rows of its bounds.
        """
        default = isinstance(action, Create) and action.range is None
        return action not in self._pass_over and not (default and self.postponed)

    def _violated(self, error: errors.CheckViolation) -> None:
        """Pass over the partition under way: a row of it came after the check, before the lock."""
        (action,) = self._batch if len(self._batch) == 1 else (None,)
        if not isinstance(action, Create):
            raise error
        self._block(action)

    def _block(self, action: Create) -> None:
        """Pass over a partition, since the default holds rows that belong to it."""
        self.blocked.append(action)
        self._pass_over.add(action)

    def _refuse(self, error: NameTakenError) -> None:
        """Pass over the partition whose name is taken, once it is tried alone."""
        if len(self._batch) == 1:
            self.refused.errors.append(error)
            self._pass_over.update(self._batch)
        self._one_by_one = True

    def _is_blocked(self, action: Create) -> bool:
        """Whether the default holds a row that belongs to a partition which is to be made."""
        if self.state.default is None or action.range is None:
            return False
        found = self._database.conn.execute(
            sql.SQL(
                "SELECT EXISTS (SELECT FROM {table} WHERE {key} >= {from_} AND {key} < {to})"
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
        return f"finished the detach of {action.name} that was interrupted"
    if isinstance(action, Create):
        return f"made {action.name}"
    return f"attached {action.name}"
