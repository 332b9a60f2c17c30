"""A server's log: begun, kept short, quoted in messages."""

import contextlib
import os
from pathlib import Path

from lmsschema.local_server.account import Account

_LIMIT = 10 * 1024 * 1024  # bytes after which a start begins a new one
_TAIL = 12  # lines in a message


def begin(log: Path, account: Account | None) -> int:
    """Make the log if need be, put a long one aside, and return where new lines will begin."""
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
    """Return the last lines that the log has got since ``start``, to end a message with."""
    try:
        return indented(log.read_bytes()[start:].decode(errors="replace"))
    except OSError:
        return ""


def indented(text: str) -> str:
    """Return the last lines of what a program said, to end a message with."""
    return "".join(f"\n  {line}" for line in text.strip().splitlines()[-_TAIL:])


def remove(log: Path) -> None:
    """Remove the log and the one put aside."""
    for file in (log, _old(log)):
        file.unlink(missing_ok=True)


def _old(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
