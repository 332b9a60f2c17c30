"""A run of a test suite: its folder, shared by all of the run's processes, and who cleans it up.

The folder lies under one base folder per user. Its owner (pytest's controlling process) holds a
file lock as long as it lives, so that a later run can tell a living run from one that was killed,
and stop the server that the dead one left behind.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lmsschema.errors import LmsschemaError


@dataclass(frozen=True)
class Run:
    """A run's folder; every process of the run knows it, one process owns it."""

    folder: Path

    @property
    def record(self) -> Path:
        """The file that says which server this run started."""
        return self.folder / "server.json"


def base_folder() -> Path:
    """Return the folder of this user's runs, made if absent.

    Others may pass through it (as root, the server runs under another account), not list it.

    Raises:
        LmsschemaError: Somebody else owns a folder of that name.
    """
    base = Path(tempfile.gettempdir()) / f"lmsschema-testing-{os.geteuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.geteuid():
        raise LmsschemaError(
            f"{base} belongs to somebody else", hint="Remove it, or set TMPDIR to another folder."
        )
    return base


def begin() -> tuple[Run, int]:
    """Make a run's folder and take its owner's lock; returns the run and the lock's descriptor."""
    folder = base_folder() / uuid.uuid4().hex[:12]
    with exclusively(base_folder() / "lock"):  # nobody may take it for dead before it is locked
        folder.mkdir(mode=0o711)
        descriptor = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return Run(folder), descriptor


def end(run: Run, descriptor: int, stop: Callable[[Run], None]) -> None:
    """Stop what the run started and remove its folder."""
    stop(run)
    shutil.rmtree(run.folder, ignore_errors=True)
    os.close(descriptor)


def clean_up_dead(stop: Callable[[Run], None]) -> None:
    """Stop the servers of this user's runs whose owner is gone, and remove their folders."""
    base = base_folder()
    with exclusively(base / "lock"):
        for folder in base.iterdir():
            if not folder.is_dir():
                continue
            descriptor = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # its owner lives
                os.close(descriptor)
            else:
                end(Run(folder), descriptor, stop)


@contextlib.contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the file lock of that path; a holder that dies loses it at once."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
