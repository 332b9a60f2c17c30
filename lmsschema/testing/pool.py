"""Databases created in advance: while a test runs, the next is copied and the last is dropped."""

import contextlib
import queue
import threading
from collections.abc import Callable

from psycopg import errors

from lmsschema.testing.databases import Databases

_MOST_TO_DROP = 16
"""How many used databases may wait to be dropped; with more, the end of a test waits as well."""


class Pool:
    """Fresh databases, created by one thread and dropped by another, each on its own connection.

    Args:
        server: Connection string of the server.
        template: Returns the name of the template to copy, and builds it if necessary. It is called
            again if another version of lmsschema on the same server has dropped the template.
        size: How many databases are kept ready; 0 creates each on request.
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
        """Drop a database that is no longer used, in the background."""
        self._used.put(name)

    def leave(self, name: str) -> None:
        """Keep a database, for the user."""
        self._makes.leave(name)

    def url(self, name: str) -> str:
        """Return the URL of a database of this pool."""
        return self._makes.url(name)

    def close(self) -> None:
        """Drop every database that is not kept for the user.

        Raises:
            Exception: One of them could not be dropped.
        """
        self._closing = True
        with contextlib.suppress(queue.Empty):
            while True:  # makes room, so that the waiting maker continues and then ends
                self._ready.get_nowait()
        if self._maker is not None:
            self._maker.join()
        self._used.put(None)
        self._dropper.join()
        self._makes.close()  # also drops databases that were never taken
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
            except Exception as error:  # noqa: BLE001  raised by close(), after dropping the others
                self._not_dropped = error
