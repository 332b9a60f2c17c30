"""Makes the partitions that a batch needs before it, so that no row falls into the default."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError, UnsafeError
from lmsschema.load.record import Record
from lmsschema.locks.context import Context
from lmsschema.partition_manager import ensure
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Create, Policy, plan_range

if TYPE_CHECKING:
    from datetime import datetime

#: So many partitions one run makes at most: more are a mistake of the source's clock.
MOST = 240


class Months:
    """The partitions that are known to be there.

    Args:
        context: The database.
        policy: Of the table of events.
    """

    def __init__(self, context: Context, policy: Policy) -> None:
        self._context = context
        self._policy = policy
        self._known: set[datetime] = set()
        self._made = 0

    def make(self, records: Iterable[Record]) -> None:
        """Make the partitions of the records' times, each in a transaction of its own.

        Raises:
            LockTimeoutError: Another run works on the partitions, or a lock was not obtained.
            UnsafeError: They are too many.
        """
        needed = {self._policy.start(record.at) for record in records} - self._known
        if not needed:
            return

        def planner(state: State) -> list[Create]:
            creates = [
                create
                for start in sorted(needed)
                for create in plan_range(
                    self._policy, state.partitions, self._policy.interval_of(start)
                )
            ]
            if self._made + len(creates) > MOST:
                raise UnsafeError(
                    f"the source has times in more than {MOST} months without a partition",
                    hint="Leave out what is not meant with --since and --until.",
                )
            return creates

        deadline = Deadline(self._context.patience.total, pause=0.1, longest=1.0)
        while True:
            outcome = ensure.make(self._context, self._policy, planner)
            self._made += len(outcome.done)
            if not outcome.busy:
                break
            if deadline.expired:
                raise LockTimeoutError(
                    f"another run is at work on the partitions of {self._policy.table}",
                    hint="Run the command again: it continues where this run stopped.",
                )
            deadline.pause()
        self._known |= needed  # a month that rows of the default block has its rows there, too
