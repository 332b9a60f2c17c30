"""One run at a time, per database and schema."""

import contextlib
import random
import time
from collections.abc import Iterator

import psycopg

from lmsschema.database.connection import Database, open_connection
from lmsschema.database.queries import query
from lmsschema.errors import LockTimeoutError
from lmsschema.locks.context import Context, Progress

#: Seconds that a run waits for another one where the caller does not say.
WAIT = 60.0

_POLL = 0.05
_LONGEST_POLL = 1.0


@contextlib.contextmanager
def hold(context: Context, *, wait: float = WAIT) -> Iterator[None]:
    """Hold the run lock of the database's schema.

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
    deadline = time.monotonic() + wait
    pause = _POLL
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
            if time.monotonic() >= deadline:
                raise LockTimeoutError(
                    f"{_holder(database)} still works on schema {database.schema} after {wait:g} s",
                    hint="Wait for it to end, or give a longer --wait.",
                )
            if not told:
                context.tell(Progress(f"waiting for {_holder(database)}"))
                told = True
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())) * random.uniform(0.5, 1))  # noqa: S311  jitter, no secret
            pause = min(pause * 2, _LONGEST_POLL)
        yield


def _holder(database: Database) -> str:
    """Say who holds the lock, as far as the server tells."""
    row = database.conn.execute(
        query("locks/run_lock_holder"), {"schema": database.schema}
    ).fetchone()
    if row is None:
        return "another run of lmsschema"
    pid, user, since = row
    return f"another run of lmsschema (pid {pid}, user {user}, since {since})"
