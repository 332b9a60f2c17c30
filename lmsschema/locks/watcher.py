"""Watches, while something runs, how it goes on, and who blocks it."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator

import psycopg

from lmsschema.errors import LmsschemaError
from lmsschema.locks import sessions
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.sessions import Blocker

#: Seconds between two looks, and at most before the first.
PAUSE = 0.3
_DELAY = 1.0


@contextlib.contextmanager
def watched(context: Context, lock_timeout: float) -> Iterator[list[Blocker]]:
    """Watch the database's connection from another one; yields the list of who blocks it.

    The other connection is opened only after a while, so that a run which waits for nobody never
    pays for it. The list holds who was seen last; once it was emptied, they are told again.

    Args:
        context: Whose connection runs something; told who blocks it, whenever that changes.
        lock_timeout: Seconds after which a wait ends.
    """
    database = context.database
    seen: list[Blocker] = []
    told: set[tuple[int | None, str | None]] = set()

    def look(conn: psycopg.Connection) -> bool:
        backend = dataclasses.asdict(database.backend)
        pooled = backend["pid"] != database.conn.info.backend_pid
        found = sessions.blocking(conn, backend, pooled=pooled)
        if not seen:
            told.clear()
        if found:
            seen[:] = found
        for blocker in found:
            who = (blocker.pid, None if blocker.pid else blocker.query)
            if who not in told:
                context.tell(Progress(f"waiting for {blocker}"))
            told.add(who)
        return True

    with looking(context, look, delay=min(_DELAY, lock_timeout / 2)):
        yield seen


@contextlib.contextmanager
def looking(
    context: Context,
    look: Callable[[psycopg.Connection], bool],
    *,
    delay: float = PAUSE,
    pause: float = PAUSE,
) -> Iterator[None]:
    """Have somebody look again and again, in a thread and on a connection of its own.

    Args:
        context: Where.
        look: What is done each time; False ends it.
        delay: Seconds before the first look, and before the connection is opened.
        pause: Seconds between two.
    """
    over = threading.Event()

    def watch() -> None:
        if over.wait(delay):
            return
        # whatever goes wrong here must not end what is watched
        with (
            contextlib.suppress(psycopg.Error, LmsschemaError),
            sessions.beside(context.database.target) as conn,
        ):
            while look(conn) and not over.wait(pause):
                pass

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
