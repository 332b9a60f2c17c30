"""Watches, while something runs, how it goes on, and who blocks it."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import TypeAlias

import psycopg

from lmsschema.database.target import Target
from lmsschema.errors import LmsschemaError
from lmsschema.locks import sessions
from lmsschema.locks.context import Context, Progress
from lmsschema.locks.sessions import Blocker

#: Seconds between two looks, and at most before the first.
PAUSE = 0.3
_DELAY = 1.0

#: After so many pauses a connection that was lost is opened again.
_AGAIN = 10

#: Looks once, from a connection of its own; False ends it.
Look: TypeAlias = Callable[[psycopg.Connection], bool]


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
    look: Look,
    *,
    delay: float = PAUSE,
    pause: float = PAUSE,
) -> Iterator[None]:
    """Have somebody look again and again, in a thread and on a connection of its own.

    Where somebody looks already on behalf of the same connection, that one does this instead for
    as long: what is inside knows better what to look at. After the end nothing looks any more.

    Args:
        context: Where.
        look: What is done each time; False ends it.
        delay: Seconds before the first look, and before the connection is opened.
        pause: Seconds between two.
    """
    conn = context.database.conn
    watcher = _WATCHERS.get(conn)
    if watcher is not None:
        with watcher.instead(look):
            yield
        return
    watcher = _WATCHERS[conn] = _Watcher(context.database.target, look)
    thread = threading.Thread(target=watcher.run, args=(delay, pause), daemon=True)
    thread.start()
    try:
        yield
    finally:
        del _WATCHERS[conn]
        watcher.over.set()
        thread.join()


class _Watcher:
    """What a thread does that looks on behalf of a connection.

    Args:
        target: The database to look into.
        look: What it does each time, until something else is done instead.
    """

    def __init__(self, target: Target, look: Look) -> None:
        self.over = threading.Event()
        self._target = target
        self._looks: list[Look | None] = [look]  # the innermost last; None: it has ended
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def instead(self, look: Look) -> Iterator[None]:
        """Have it look at something else meanwhile."""
        with self._lock:
            self._looks.append(look)
        try:
            yield
        finally:
            with self._lock:  # a look that is under way is waited for
                self._looks.pop()

    def run(self, delay: float, pause: float) -> None:
        """Look until it is over; a connection that is lost is opened again."""
        if self.over.wait(delay):
            return
        while not self.over.is_set():
            # whatever goes wrong here must not end what is watched
            with (
                contextlib.suppress(psycopg.Error, LmsschemaError),
                sessions.beside(self._target) as conn,
            ):
                while not self.over.is_set():
                    self._look(conn)
                    self.over.wait(pause)
            self.over.wait(_AGAIN * pause)

    def _look(self, conn: psycopg.Connection) -> None:
        with self._lock:
            look = self._looks[-1]
            if look is not None and not look(conn):
                self._looks[-1] = None


#: Whoever looks on behalf of a connection now.
_WATCHERS: dict[psycopg.Connection, _Watcher] = {}
