"""The folders of a server: its home, and the folder of its socket, which needs a short path."""

import contextlib
import os
import stat
from pathlib import Path

from lmsschema.errors import UnsafeError
from lmsschema.local_server.account import Account
from lmsschema.local_server.process import SOCKET

_LIMIT = 103  # the longest path of a socket in bytes: 103 on macOS, 107 on Linux


def make_home(folder: Path, claim: Path) -> None:
    """Create a server's home and its missing parents; refuse a folder with other files.

    Other accounts can't enter a folder that is created here. If the caller is root they can enter
    but not list it, since the server runs as another account. Existing folders keep their
    permissions.

    Args:
        folder: The home.
        claim: The first file that is created in a server's home, by which it is recognized.

    Raises:
        UnsafeError: The folder contains files that were not created for a server.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    umask = os.umask(0)  # else the server's account could not enter the folder
    try:
        for part in reversed(missing):
            part.mkdir(mode, exist_ok=True)
    finally:
        os.umask(umask)
    # in this order: another process may be creating the first files now, beginning with the claim
    if any(folder.iterdir()) and not claim.exists():
        raise UnsafeError(
            f"{folder} contains files that lmsschema did not create; a server needs a folder of its"
            " own",
            hint="Nothing was changed. Choose a folder that is empty or does not exist.",
        )


def for_socket(home: Path) -> Path:
    """Return the folder for the socket: in ``home``, or in /tmp if that path is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET)) <= _LIMIT:
        return folder
    import hashlib

    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    # not $TMPDIR, which may be long too, and may differ between commands
    return Path(f"/tmp/lmsschema-{os.geteuid()}-{digest}")  # noqa: S108  make_for_socket verifies


def make_for_socket(folder: Path, account: Account | None) -> None:
    """Create the socket's folder if necessary, and check that only the account can enter it.

    Raises:
        UnsafeError: Another account owns it, or others may enter it.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if account is not None and folder.lstat().st_uid == os.geteuid():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    owner = account.uid if account is not None else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise UnsafeError(
            f"{folder}, the folder for the server's socket, belongs to another account or is open"
            " to others",
            hint="Find out what created it, remove it, then try again.",
        )


def remove_for_socket(folder: Path, account: Account | None) -> None:
    """Remove the socket's folder with a server's files in it, if the account owns it."""
    owner = account.uid if account is not None else os.geteuid()
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == owner:
            for name in (SOCKET, f"{SOCKET}.lock"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
