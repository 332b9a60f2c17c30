"""Watches, while something runs, whether it waits for a lock, and who blocks it."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator

import psycopg

from lmsschema.database import queries
from lmsschema.database.connection import open_connection
from lmsschema.errors import LmsschemaError
from lmsschema.locks.context import Context, Progress

#: Seconds between two looks, and at most before the first.
_PAUSE = 0.3
_DELAY = 1.0


@dataclasses.dataclass(frozen=True)
class Blocker:
    """A session that ours waited for; without a process: a prepared transaction."""

    pid: int | None
    user: str | None
    age: float | None
    state: str | None
    query: str | None

    def __str__(self) -> str:
        """Describe the session for a person."""
        age = "" if self.age is None else f", transaction open for {self.age:.1f} s"
        if self.pid is None:
            return f"prepared transaction {self.query} (user {self.user}{age})"
        return f"pid {self.pid} (user {self.user}{age}, {self.state}): {self.query}"


@contextlib.contextmanager
def watched(context: Context, lock_timeout: float) -> Iterator[list[Blocker]]:
    """Watch the database's connection from another one; yields the list of who blocks it.

    The other connection is opened only after a while, so that a run which waits for nobody never
    pays for it. The list holds who was seen last.

    Args:
        context: Whose connection runs something; told who blocks it, whenever that changes.
        lock_timeout: Seconds after which a wait ends.
    """
    seen: list[Blocker] = []
    over = threading.Event()
    delay = min(_DELAY, lock_timeout / 2)
    work = threading.Thread(target=_watch, args=(context, seen, over, delay), daemon=True)
    work.start()
    try:
        yield seen
    finally:
        over.set()
        work.join()


def _watch(context: Context, seen: list[Blocker], over: threading.Event, delay: float) -> None:
    """Look again and again who blocks it."""
    database = context.database
    if over.wait(delay):
        return
    told: set[tuple[int | None, str | None]] = set()
    # whatever goes wrong here must not end the run that is watched
    with (
        contextlib.suppress(psycopg.Error, LmsschemaError),
        open_connection(database.target) as conn,
    ):
        while True:
            backend = dataclasses.asdict(database.backend)
            pooled = backend["pid"] != database.conn.info.backend_pid
            rows = conn.execute(queries.query("locks/blocked_by"), {**backend, "pooled": pooled})
            found = [Blocker(*row) for row in rows]
            if found:
                seen[:] = found
            for blocker in found:
                who = (blocker.pid, None if blocker.pid else blocker.query)
                if who not in told:
                    context.tell(Progress(f"waiting for {blocker}"))
                told.add(who)
            if over.wait(_PAUSE):
                return
