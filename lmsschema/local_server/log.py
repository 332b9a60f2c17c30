"""A server's log: its creation, its rotation, and its last lines for messages."""

import contextlib
import os
from pathlib import Path

from lmsschema.local_server.account import Account

_LIMIT = 10 * 1024 * 1024  # size in bytes from which the next start begins a new log
_TAIL = 12  # lines in a message


def begin(log: Path, account: Account | None) -> int:
    """Create the log if necessary, rotate a long one, and return the offset of new lines."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LIMIT:
            log.replace(_old(log))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def tail(log: Path, start: int = 0) -> str:
    """Return the last lines of the log after offset ``start``, for the end of a message."""
    try:
        return indented(log.read_bytes()[start:].decode(errors="replace"))
    except OSError:
        return ""


def indented(text: str) -> str:
    """Return the last lines of a program's output, for the end of a message."""
    return "".join(f"\n  {line}" for line in text.strip().splitlines()[-_TAIL:])


def remove(log: Path) -> None:
    """Remove the log and the rotated one."""
    for file in (log, _old(log)):
        file.unlink(missing_ok=True)


def _old(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
