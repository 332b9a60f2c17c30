"""How a revision waits for its locks, is tried again, and what is said once it is given up."""

import dataclasses
import random
import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError
from lmsschema.locks.context import Patience, Progress, Tell
from lmsschema.locks.watcher import Blocker

if TYPE_CHECKING:
    import sqlalchemy

Notify = Tell

#: What another attempt may be spared.
_PASSING = (errors.LockNotAvailable, errors.DeadlockDetected)


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


def wait_or_give_up(  # noqa: PLR0917  all of them are the attempt's
    database: Database,
    revision: str,
    failed: "sqlalchemy.exc.DBAPIError",
    attempt: int,
    in_the_way: list[Blocker],
    retry: Retry,
    notify: Notify,
) -> None:
    """Pause before another attempt, where one may help; else raise the error."""
    if not isinstance(failed.orig, _PASSING):
        raise _failure(database, revision, failed, attempt, []) from failed
    if attempt > retry.retries:
        raise _failure(database, revision, failed, attempt, in_the_way) from failed
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
    error: "sqlalchemy.exc.DBAPIError",
    attempts: int,
    in_the_way: list[Blocker],
) -> LmsschemaError:
    """Return the error that says which revision and statement failed, and where that leaves us."""
    cause = error.orig if isinstance(error.orig, psycopg.Error) else psycopg.OperationalError()
    meant = sqlstate.translate(cause, database.target)
    statement = " ".join((error.statement or "").split())
    tried = f" after {attempts} attempts" if attempts > 1 else ""
    by = f"; in the way: {'; '.join(map(str, in_the_way))}" if in_the_way else ""
    return type(meant)(
        f"revision {revision} failed{tried}: {meant.message}; statement: {statement[:500]}{by}",
        hint="The revision was rolled back whole: 'lmsschema current' shows where the database "
        f"is. {meant.hint}".rstrip(),
        details=meant.details
        | {
            "revision": revision,
            "statement": error.statement,
            "attempts": attempts,
            "blockers": [dataclasses.asdict(blocker) for blocker in in_the_way],
        },
    )
