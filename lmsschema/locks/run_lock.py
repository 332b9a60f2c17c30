"""One run at a time, per database and schema."""

import contextlib
import functools
from collections.abc import Callable, Iterator

import psycopg

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.session import open_connection
from lmsschema.deadline import Deadline
from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError
from lmsschema.locks.context import Context, Progress

#: Seconds that a run waits for another one where the caller does not say.
WAIT = 60.0

_POLL = 0.05
_LONGEST_POLL = 1.0


@contextlib.contextmanager
def hold(context: Context, *, wait: float = WAIT) -> Iterator[Callable[[], None]]:
    """Hold the run lock of the database's schema; yields what raises once it is lost.

    The lock belongs to an open transaction on a connection of its own: it survives a pooler in
    transaction mode, ends with the process however that dies, and holds no snapshot, so that a
    CREATE INDEX CONCURRENTLY does not wait for it. It is polled: waiting inside PostgreSQL would
    hold a snapshot.

    Args:
        context: The database and schema to lock; told once who is waited for.
        wait: Seconds to wait for another run.

    Raises:
        LockTimeoutError: Another run still holds the lock after ``wait`` seconds.
    """
    database = context.database
    deadline = Deadline(wait, pause=_POLL, longest=_LONGEST_POLL)
    with contextlib.closing(open_connection(database.target)) as conn:
        told = False
        cursor = psycopg.ClientCursor(conn)
        while True:
            conn.execute("BEGIN ISOLATION LEVEL READ COMMITTED")  # else it keeps its snapshot
            # a statement with parameters would leave its portal, and so a snapshot, until the end
            taken = cursor.execute(query("locks/run_lock"), {"schema": database.schema}).fetchone()
            if taken == (True,):
                break
            conn.execute("ROLLBACK")
            if deadline.expired:
                raise LockTimeoutError(
                    f"{_holder(database)} still works on schema {database.schema} after {wait:g} s",
                    hint="Wait for it to end, or give a longer --wait.",
                )
            if not told:
                context.tell(Progress(f"waiting for {_holder(database)}"))
                told = True
            deadline.pause()
        yield functools.partial(_require, database, conn)


def _require(database: Database, conn: psycopg.Connection) -> None:
    """Raise unless the session still holds the lock: a server or a pooler may have ended it.

    Raises:
        DatabaseUnavailableError: The session ended, and another run may have begun.
    """
    try:
        conn.execute("SELECT 1")
    except psycopg.Error as error:
        raise DatabaseUnavailableError(
            f"the session that held the run lock of schema {database.schema} ended: "
            f"{sqlstate.clean(str(error), database.target)}",
            hint="Another run may have begun. Run the command again: it does what is left.",
        ) from error


def _holder(database: Database) -> str:
    """Say who holds the lock, as far as the server tells."""
    row = database.conn.execute(
        query("locks/run_lock_holder"), {"schema": database.schema}
    ).fetchone()
    if row is None:
        return "another run of lmsschema"
    pid, user, since = row
    return f"another run of lmsschema (pid {pid}, user {user}, since {since})"
