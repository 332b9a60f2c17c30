"""Databases made ahead of need: while a test runs, the next is cloned and the last one dropped."""

import contextlib
import queue
import threading
from collections.abc import Callable

from psycopg import errors

from lmsschema.testing.databases import Databases

_MOST_TO_DROP = 16
"""Used databases that may wait to be dropped; a test that ends with more of them waits, too."""


class Pool:
    """Fresh databases, made by one thread and dropped by another, each on its own connection.

    Args:
        server: Connection string of the server.
        template: Returns the name of what every database is to be a copy of, building it if need
            be: another program on the server may drop it at any time, for one that it holds newer.
        size: How many are kept ready; 0 makes each when it is asked for.
    """

    def __init__(self, server: str, template: Callable[[], str], size: int) -> None:
        self._find_template = template
        self._template = template()
        self._size = size
        self._makes, self._drops = Databases(server), Databases(server)
        self._ready: queue.Queue[str | Exception] = queue.Queue(size)
        self._used: queue.Queue[str | None] = queue.Queue(_MOST_TO_DROP)
        self._closing = False
        self._not_dropped: Exception | None = None
        self._maker: threading.Thread | None = None
        self._dropper = threading.Thread(target=self._drop, name="lmsschema-drops", daemon=True)
        self._dropper.start()
        self._start()

    def take(self) -> str:
        """Return the name of a fresh database, which is the caller's alone.

        A template that is gone is built anew here, in the caller's thread: Alembic, which does it,
        works in one thread of a process, and the caller may be about to use it.
        """
        while True:
            made = self._makes_one() if self._maker is None else self._ready.get()
            if isinstance(made, str):
                return made
            if not isinstance(made, errors.InvalidCatalogName):
                if self._maker is not None:
                    self._ready.put(made)  # for the next one who asks: the thread has ended
                raise made
            self._template = self._find_template()
            self._start()

    def give_back(self, name: str) -> None:
        """Have a database dropped that nobody uses any more."""
        self._used.put(name)

    def leave(self, name: str) -> None:
        """Leave a database to the user."""
        self._makes.leave(name)

    def url(self, name: str) -> str:
        """Return the URL of a database of this pool."""
        return self._makes.url(name)

    def close(self) -> None:
        """Drop every database that was not left to the user.

        Raises:
            Exception: One of them could not be dropped.
        """
        self._closing = True
        with contextlib.suppress(queue.Empty):
            while True:  # so that the maker, which may wait for room, sees that it is to end
                self._ready.get_nowait()
        if self._maker is not None:
            self._maker.join()
        self._used.put(None)
        self._dropper.join()
        self._makes.close()  # drops what was made and never taken, too
        self._drops.close()
        if self._not_dropped is not None:
            raise self._not_dropped

    def _start(self) -> None:
        """Start the thread that makes databases; it ends with the first that can't be made."""
        if self._size:
            self._maker = threading.Thread(target=self._make, name="lmsschema-makes", daemon=True)
            self._maker.start()

    def _make(self) -> None:
        while not self._closing:
            made = self._makes_one()
            self._ready.put(made)
            if isinstance(made, Exception):
                break

    def _makes_one(self) -> str | Exception:
        """Return the name of a new database, or why there is none, for the test that waits."""
        try:
            return self._makes.create(self._template)
        except Exception as error:  # noqa: BLE001  it belongs to the test
            return error

    def _drop(self) -> None:
        while (name := self._used.get()) is not None:
            try:
                self._drops.drop(name)
                self._makes.leave(name)
            except Exception as error:  # noqa: BLE001  the others are dropped all the same
                self._not_dropped = error
