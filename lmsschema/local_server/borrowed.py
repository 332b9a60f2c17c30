"""Stops a server that a command started only for itself, once no command uses it any more.

Each command that uses the server holds a shared lock on the server's folder. The last one stops the
server if one of them started it, unless a command has since asked for it to keep running.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError
from lmsschema.local_server import process
from lmsschema.local_server.process import ServerState

_POLL = 0.05


@contextlib.contextmanager
def in_use(home: Path, *, started: bool, timeout: float) -> Iterator[bool]:
    """Count as a user of the server; yields whether it is still running.

    Args:
        home: The server's folder.
        started: Whether the server was started for this use.
        timeout: Seconds to wait for another process that is stopping it.

    Raises:
        LockTimeoutError: Another process is still stopping it.
    """
    with _lock(home, fcntl.LOCK_SH, timeout):
        running = _running(home)
        if running is not None and started:
            _mark(home).write_text(running, "ascii")
        yield running is not None


def keep(home: Path, timeout: float) -> bool:
    """Let the server keep running after the commands that use it; False if it no longer runs.

    Raises:
        LockTimeoutError: Another process is still stopping it.
    """
    if not _mark(home).exists():
        return True
    with _lock(home, fcntl.LOCK_SH, timeout):
        _mark(home).unlink(missing_ok=True)
        return _running(home) is not None


def stop_unless_needed(home: Path, stop: Callable[[], object]) -> None:
    """Stop the server if a command started it only for itself and no command uses it."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError), _lock(home, fcntl.LOCK_EX, 0):
        if _mark(home).read_text("ascii") == _running(home):
            stop()
        _mark(home).unlink(missing_ok=True)


def _mark(home: Path) -> Path:
    """Return the file that identifies the start of the server by a command for itself."""
    return home / "data" / "lmsschema.borrowed"


def _running(home: Path) -> str | None:
    """Return an identifier of this start of the server; None if the server does not run."""
    found = process.status(home / "data")
    return f"{found.pid} {found.since}" if found.state is ServerState.READY else None


@contextlib.contextmanager
def _lock(folder: Path, how: int, timeout: float) -> Iterator[None]:
    """Hold a lock on a folder.

    Raises:
        BlockingIOError: Others hold it, and ``timeout`` is 0.
        LockTimeoutError: They still do after ``timeout`` seconds.
    """
    deadline = Deadline(timeout, pause=_POLL)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not timeout:
                    raise
                if deadline.expired:
                    raise LockTimeoutError(
                        f"another process still stops the server in {folder} after {timeout:g} s",
                        hint="Wait for it to end, and try again.",
                    ) from None
            deadline.pause()
        yield
    finally:
        os.close(descriptor)
