"""Locks that loads have among themselves: they block nobody else, and end with a transaction."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import psycopg
from psycopg import errors

from lmsschema.database.queries import query
from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context

T = TypeVar("T")

#: Another transaction was first, or ended ours: tried again.
_AGAIN = (
    errors.DeadlockDetected,
    errors.ForeignKeyViolation,
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.UniqueViolation,
)


class _TakenError(Exception):
    """Another load has the lock."""


@contextlib.contextmanager
def transaction(context: Context, key: str) -> Iterator[psycopg.Connection]:
    """Run a transaction that has a lock; to be called within :func:`patiently`."""
    with context.database.transaction() as conn:
        if conn.execute(query("load/claim"), {"key": key}).fetchone() != (True,):
            raise _TakenError
        yield conn


def patiently(context: Context, what: str, attempt: Callable[[], T]) -> T:
    """Return what an attempt returns; one that others were in the way of is made again.

    Args:
        context: Says how long that goes on.
        what: What is attempted, in words.
        attempt: Runs one transaction.

    Raises:
        LockTimeoutError: Another load had the lock all the time, or somebody else a table's.
    """
    deadline = Deadline(context.patience.total, pause=0.02, longest=1.0)
    while True:
        try:
            return attempt()
        except _TakenError as error:
            if deadline.expired:
                raise LockTimeoutError(
                    f"another load of the institution is at work: {what} was not possible in "
                    f"{context.patience.total:g} s",
                    hint="Run the command again: it continues where this run stopped.",
                ) from error
        except _AGAIN:
            if deadline.expired:
                raise
        deadline.pause()
