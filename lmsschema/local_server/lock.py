"""A lock on a file, obtained by polling until a deadline, and released when its holder ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lmsschema.deadline import Deadline
from lmsschema.errors import LockTimeoutError

_POLL = 0.05


@contextlib.contextmanager
def hold(path: Path, timeout: float) -> Iterator[int]:
    """Hold the lock of ``path``, which is created if it does not exist; yields its descriptor.

    The lock belongs to the open file. A child process that inherits the descriptor holds the lock
    too, and the lock is released only when the last of these processes has ended.

    Args:
        path: The lock's file. The holder may remove it.
        timeout: Seconds to wait for another holder.

    Raises:
        LockTimeoutError: Another process still holds it after ``timeout`` seconds.
    """
    deadline = Deadline(timeout, pause=_POLL)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if _taken(descriptor, path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                yield descriptor
                return
            if deadline.expired:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                raise LockTimeoutError(
                    f"process {holder or 'unknown'} still holds {path} after {timeout:g} s",
                    hint="Wait for it to end, and try again.",
                )
        finally:
            os.close(descriptor)  # without unlocking: a child process may still hold the lock
        deadline.pause()


def take(path: Path, stack: contextlib.ExitStack) -> int | None:
    """Hold the lock until the stack is closed; return None if another process holds it."""
    try:
        return stack.enter_context(hold(path, 0))
    except LockTimeoutError:
        return None


def _taken(descriptor: int, path: Path) -> bool:
    """Take the lock if it is free, and if ``path`` is still the same file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False
