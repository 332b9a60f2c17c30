"""The folders of a server: its home, and one for its socket, short and its account's alone."""

import contextlib
import os
import stat
from pathlib import Path

from lmsschema.errors import UnsafeError
from lmsschema.local_server.account import Account
from lmsschema.local_server.process import SOCKET

_LIMIT = 103  # bytes of a socket's path: what macOS takes; Linux takes 107


def make_home(folder: Path, claim: Path) -> None:
    """Make a server's home and what is missing above it; refuse one with somebody's own files.

    A folder made here is closed to others, but as root open to pass through, since the server runs
    as another account. What exists already keeps its permissions.

    Args:
        folder: The home.
        claim: A file in it that shows that it is a server's: the first one to be made there.

    Raises:
        UnsafeError: The folder holds what was not made for a server.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    umask = os.umask(0)  # it must not close a folder, even for a moment, to the server's account
    try:
        for part in reversed(missing):
            part.mkdir(mode, exist_ok=True)
    finally:
        os.umask(umask)
    # in this order: another process may be making the first files right now, the claim before all
    if any(folder.iterdir()) and not claim.exists():
        raise UnsafeError(
            f"{folder} holds files that lmsschema did not make; it keeps a server only in a folder"
            " of its own",
            hint="Nothing was changed. Choose a folder that is empty or does not exist.",
        )


def for_socket(home: Path) -> Path:
    """Return the folder for the socket: in ``home``, or below /tmp where its path is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET)) <= _LIMIT:
        return folder
    import hashlib

    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    # not $TMPDIR, which may be long too, and differ from one command to the next
    return Path(f"/tmp/lmsschema-{os.geteuid()}-{digest}")  # noqa: S108  make_for_socket verifies


def make_for_socket(folder: Path, account: Account | None) -> None:
    """Make the socket's folder if absent, and make sure that it is the account's alone.

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


def remove_for_socket(folder: Path, account: Account | None) -> None:
    """Remove the socket's folder, if it is the account's, and what a server left there."""
    owner = account.uid if account is not None else os.geteuid()
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == owner:
            for name in (SOCKET, f"{SOCKET}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
