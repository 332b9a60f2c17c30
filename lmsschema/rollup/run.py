"""Calls the stages of a rollup, a transaction a step, until nothing is left."""

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import errors, sql

from lmsschema.deadline import Deadline
from lmsschema.errors import LmsschemaError
from lmsschema.locks.context import Context, Progress
from lmsschema.rollup.stages import EVENTS, STAGES, Stage

#: Another transaction was first, or deleted what a row is about: the step is tried again.
_AGAIN = (
    errors.DeadlockDetected,
    errors.ForeignKeyViolation,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.UniqueViolation,
)

#: Seconds between two lines of progress.
_PACE = 10.0

#: A step that writes fewer rows is followed by one of a span twice as long, up to so many seconds.
_FEW, _LONGEST = 1_000, 30 * 86_400.0


@dataclasses.dataclass(frozen=True)
class StepOptions:
    """What is taken up, and in which steps; times in seconds.

    Attributes:
        lag: How old an event is at least.
        span: How long the time is in which the events of one step came.
        since: Take up again what came after this time; None: what came since the last run.
        until: Take up again only what came until then.
    """

    lag: float = 60.0
    span: float = 3600.0
    since: datetime | None = None
    until: datetime | None = None


@dataclasses.dataclass
class Done:
    """What a run has done.

    Attributes:
        counts: By stage, the rows written or the entries of the queue taken.
        reached: Until when events that came are taken up; None where none were.
        busy: Whether another run was at work, which does the rest.
    """

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    reached: datetime | None = None
    busy: bool = False


def run(context: Context, options: StepOptions = StepOptions()) -> Done:
    """Compute what is due.

    Raises:
        LmsschemaError: The schema lacks the functions.
        LockNotAvailable: A lock was not obtained in time; the steps before are in place.
    """
    made = _Run(context, options)
    if options.since is not None or options.until is not None:
        made.again()
    for stage in STAGES:
        if not made.done.busy:
            made.finish(stage)
    return made.done


def rebuild(context: Context, options: StepOptions = StepOptions()) -> Done:
    """Compute everything anew; an interrupted rebuild is continued by the next run."""
    row = _patiently(context, lambda: _execute(context, sql.SQL("SELECT reset_rollups()"), {}))
    if row != (True,):
        return Done(busy=True)
    return run(context, options)


class _Run:
    """Calls stages, and counts what they do."""

    def __init__(self, context: Context, options: StepOptions) -> None:
        self.done = Done()
        self._context = context
        self._options = options
        self._told = time.monotonic()

    def again(self) -> None:
        """Take up again the events that came in the span of the options."""
        since: datetime | str | None = self._options.since or "-infinity"
        self._call(EVENTS, {"since": since, "until": self._options.until})

    def finish(self, stage: Stage) -> None:
        """Call a stage until nothing is left of it."""
        self._call(stage, {"since": None, "until": None})

    def _call(self, stage: Stage, again: dict[str, Any]) -> None:
        values = {"lag": self._options.lag, "span": self._options.span} | again
        is_more: bool | None = True
        while is_more:
            row = _patiently(self._context, lambda: _execute(self._context, stage.step, values))
            is_more, count, *reached = row
            if is_more is None:
                self.done.busy = True
                return
            self.done.counts[stage.name] = self.done.counts.get(stage.name, 0) + count
            if reached:
                self.done.reached = reached[0]
                if again["since"] is not None:
                    values["since"] = reached[0]
                # a time in which little came is gone through in longer steps
                longer = count < _FEW and values["span"] < _LONGEST
                values["span"] = values["span"] * 2 if longer else self._options.span
            self._tell(stage)

    def _tell(self, stage: Stage) -> None:
        if time.monotonic() - self._told < _PACE:
            return
        self._told = time.monotonic()
        what = f"rollup of {stage.name}: {self.done.counts[stage.name]}"
        if stage is EVENTS:
            what += f", until {self.done.reached:%Y-%m-%d %H:%M} UTC"
        self._context.tell(Progress(what))


def _execute(context: Context, statement: sql.SQL, values: dict[str, Any]) -> tuple[Any, ...]:
    """Run one step in a transaction of its own; return its row."""
    with context.database.transaction(lock_timeout=context.patience.longest) as conn:
        # plans of many partitions cost more to compile than to run
        conn.execute("SELECT pg_catalog.set_config('jit', 'off', true)")
        row = conn.execute(statement, values).fetchone()
    if row is None:  # a function returns a row
        raise LmsschemaError("the server returned nothing")
    return row


def _patiently(context: Context, step: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return what a step returns; one that others blocked is made again, for some time."""
    deadline = Deadline(context.patience.total, longest=2.0)
    while True:
        try:
            return step()
        except (errors.UndefinedFunction, errors.UndefinedTable) as error:
            raise LmsschemaError(
                f"schema {context.database.schema} of {context.database.target} has no rollups",
                hint="Bring it to the newest revision: lmsschema upgrade",
            ) from error
        except _AGAIN:
            if deadline.expired:
                raise
        deadline.pause()
