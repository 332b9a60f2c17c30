"""Databases made ahead of need: while a test runs, the next is cloned, the last one dropped."""

import threading
from collections import deque

from lmsschema.testing.databases import Databases

_MOST_TO_DROP = 16
"""Used databases that may wait for their drop while others are still to be made."""


class Pool:
    """A thread that keeps a few fresh databases ready.

    Args:
        databases: Makes them; nobody else uses it.
        template: What every database is a copy of.
        size: How many are kept ready; 0 makes each when it is asked for.
    """

    def __init__(self, databases: Databases, template: str, size: int) -> None:
        self._databases = databases
        self._template = template
        self._size = size
        self._ready: deque[str] = deque()
        self._used: deque[str] = deque()
        self._failure: Exception | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="lmsschema-pool", daemon=True)
        if size:
            self._thread.start()

    def take(self) -> str:
        """Return the name of a fresh database, which is the caller's alone."""
        if not self._size:
            return self._databases.create(self._template)
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._failure)
            if self._failure is not None:
                raise self._failure
            self._changed.notify_all()
            return self._ready.popleft()

    def give_back(self, name: str) -> None:
        """Have a database dropped that nobody uses any more."""
        if not self._size:
            self._databases.drop(name)
            return
        with self._changed:
            self._used.append(name)
            self._changed.notify_all()

    def leave(self, name: str) -> None:
        """Leave a database to the user."""
        self._databases.leave(name)

    def url(self, name: str) -> str:
        """Return the URL of a database of this pool."""
        return self._databases.url(name)

    def close(self) -> None:
        """Drop every database that was not left to the user."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._size:
            self._thread.join()
        self._databases.close()

    def _work(self) -> None:
        try:
            while self._step():
                pass
        except Exception as error:  # noqa: BLE001  it belongs to the test that waits for a database
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _step(self) -> bool:
        """Make or drop one database, once there is one to make or drop; False at the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self._used or len(self._ready) < self._size
            )
            if self._closing:
                return False
            crowded = len(self._used) > _MOST_TO_DROP
            make = len(self._ready) < self._size and not crowded
            name = "" if make else self._used.popleft()
        if not make:
            self._databases.drop(name)
            return True
        name = self._databases.create(self._template)
        with self._changed:
            self._ready.append(name)
            self._changed.notify_all()
        return True
