"""How a revision waits for its locks, is tried again, and what is said once it is given up."""

import dataclasses
import itertools
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg import errors

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError, LockTimeoutError
from lmsschema.locks import watcher
from lmsschema.locks.context import Context, Patience, Progress, Tell
from lmsschema.locks.sessions import Blocker

if TYPE_CHECKING:
    import sqlalchemy

T = TypeVar("T")
Notify = Tell

#: What another attempt may be spared.
PASSING = (errors.LockNotAvailable, errors.DeadlockDetected)


@dataclasses.dataclass(frozen=True)
class Retry:
    """How a revision gets its locks.

    Args:
        lock_timeout: Seconds that a statement waits for a lock; nobody queues behind it for longer.
        retries: How often a revision that did not get one is tried again, as a whole.
    """

    lock_timeout: float = 2.0
    retries: int = 10

    def patience(self) -> Patience:
        """Return the same for steps outside of the revision's transaction."""
        pauses = sum(min(2.0**attempt, 15.0) for attempt in range(self.retries))
        # a step waits for its first lock, and then twice as long for all others
        longest = self.lock_timeout / 3
        return Patience(
            total=pauses + self.lock_timeout * (self.retries + 1),
            first=min(Patience.first, longest),
            longest=longest,
        )

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt: doubled each time, 15 at most, jittered."""
        return min(2.0 ** (attempt - 1), 15.0) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, no secret


DEFAULT_RETRY = Retry()


def patiently(
    database: Database,
    what: str,
    read: Callable[[], T],
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
) -> T:
    """Return what ``read`` returns, called again after a pause where a table was locked.

    Args:
        database: Whose connection reads; it is given back without a transaction.
        what: What is read, for messages.
        read: What to do; it changes nothing.
        retry: How often.
        notify: Told who blocks it.

    Raises:
        LockTimeoutError: A table was locked throughout; names who locks it.
    """
    for attempt in itertools.count(1):
        with watcher.watched(Context(database, tell=notify), retry.lock_timeout) as blockers:
            try:
                return read()
            except PASSING as error:
                failed = error
        if attempt > retry.retries:
            meant = sqlstate.translate(failed, database.target)
            raise LockTimeoutError(
                f"{what}: {meant.message} after {attempt} attempts{_by(blockers)}",
                hint="Nothing was changed. Run the command again.",
                details=meant.details
                | {
                    "attempts": attempt,
                    "blockers": [blocker.as_data() for blocker in blockers],
                },
            ) from failed
        pause = retry.pause(attempt)
        notify(
            Progress(
                f"{what}: a table is locked; attempt {attempt + 1} of {retry.retries + 1} in "
                f"{pause:.1f} s"
            )
        )
        time.sleep(pause)
    raise AssertionError  # the count has no end


def _by(blockers: Sequence[Blocker]) -> str:
    """Return the end of a message that names who blocks."""
    return f"; blocked by: {'; '.join(map(str, blockers))}" if blockers else ""


def wait_or_give_up(  # noqa: PLR0917  all of them are the attempt's
    database: Database,
    revision: str,
    failed: "sqlalchemy.exc.DBAPIError | psycopg.Error",
    attempt: int,
    blockers: list[Blocker],
    retry: Retry,
    notify: Notify,
) -> None:
    """Pause before another attempt, where one may help; else raise the error."""
    if not isinstance(getattr(failed, "orig", failed), PASSING):
        raise _failure(database, revision, failed, attempt, []) from failed
    if attempt > retry.retries:
        raise _failure(database, revision, failed, attempt, blockers) from failed
    pause = retry.pause(attempt)
    notify(
        Progress(
            f"{revision} did not get a lock in {retry.lock_timeout:g} s; attempt {attempt + 1} of "
            f"{retry.retries + 1} in {pause:.1f} s"
        )
    )
    time.sleep(pause)


def _failure(
    database: Database,
    revision: str,
    error: "sqlalchemy.exc.DBAPIError | psycopg.Error",
    attempts: int,
    blockers: list[Blocker],
) -> LmsschemaError:
    """Return the error that says which revision and statement failed, and where that leaves us."""
    orig = getattr(error, "orig", error)
    cause = orig if isinstance(orig, psycopg.Error) else psycopg.OperationalError()
    meant = sqlstate.translate(cause, database.target)
    # without a statement it is the transaction's end that failed, or a look at the rows before it
    ran = getattr(error, "statement", "SELECT") or "COMMIT"
    statement = " ".join(ran.split())
    tried = f" after {attempts} attempts" if attempts > 1 else ""
    return type(meant)(
        f"revision {revision} failed{tried}: {meant.message}; statement: {statement[:500]}"
        f"{_by(blockers)}",
        hint="The revision was rolled back whole: 'lmsschema current' shows where the database "
        f"is. {meant.hint}".rstrip(),
        details=meant.details
        | {
            "revision": revision,
            "statement": ran,
            "attempts": attempts,
            "blockers": [blocker.as_data() for blocker in blockers],
        },
    )
