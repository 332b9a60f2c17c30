"""The folder of a server's Unix socket: short enough, and its account's alone."""

import contextlib
import os
import stat
from pathlib import Path

from lmsschema.account import Account
from lmsschema.errors import UnsafeError

PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"

_LIMIT = 103  # bytes of a socket's path: what macOS takes; Linux takes 107


def path(home: Path) -> Path:
    """Return the folder for the socket: in ``home``, or below /tmp where its path is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET)) <= _LIMIT:
        return folder
    import hashlib

    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    # not $TMPDIR, which may be long too, and differ from one command to the next
    return Path(f"/tmp/lmsschema-{os.geteuid()}-{digest}")  # noqa: S108  make() verifies it


def make(folder: Path, account: Account | None) -> None:
    """Make the folder if absent, and make sure that it is the account's alone.

    Raises:
        UnsafeError: Somebody else owns it, or others may enter it.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if account is not None and folder.lstat().st_uid == os.geteuid():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    owner = account.uid if account is not None else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise UnsafeError(
            f"{folder} is somebody else's or open to others; the server's socket belongs there",
            hint="Look what it is, remove it, and try again.",
        )


def remove(folder: Path, account: Account | None) -> None:
    """Remove the folder, if it is the one that :func:`make` made, and what a server left there."""
    owner = account.uid if account is not None else os.geteuid()
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == owner:
            for name in (SOCKET, f"{SOCKET}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
