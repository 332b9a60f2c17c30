"""A lock on a file: polled with a deadline, let go however its holder dies."""

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
    """Hold the lock of ``path``, which is made if absent; yields the file's descriptor.

    The lock belongs to the open file, so a child process that is given the descriptor holds it
    too, and it is free only when the last of them has ended.

    Args:
        path: The lock's file; only ever a file, so that removing it while holding is allowed.
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
            os.close(descriptor)  # never unlocked by hand: a child may have to keep it
        deadline.pause()


def take(path: Path, stack: contextlib.ExitStack) -> int | None:
    """Hold the lock until the stack is left; None if somebody else holds it."""
    try:
        return stack.enter_context(hold(path, 0))
    except LockTimeoutError:
        return None


def _taken(descriptor: int, path: Path) -> bool:
    """Take the lock if it is free and still that of ``path``: its last holder may remove it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False
