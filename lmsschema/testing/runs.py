"""A run of a test suite: its folder, shared by all of the run's processes, and who cleans it up.

The folder lies under one base folder per user. Its owner (pytest's controlling process) holds a
file lock as long as it lives, so that a later run can tell a living run from one that was killed,
and stop the server that the dead one left behind.
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lmsschema.errors import LmsschemaError, LockTimeoutError
from lmsschema.local_server import lock

PATIENCE = 120.0
"""Seconds to wait for another process that starts or stops a server."""


@dataclass(frozen=True)
class SuiteRun:
    """A run's folder; every process of the run knows it, one process owns it."""

    folder: Path

    @property
    def record(self) -> Path:
        """The file that says which server this run started."""
        return self.folder / "server.json"

    @property
    def kept(self) -> Path:
        """The file that is there if the server stays until the next run."""
        return self.folder / "kept"

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Keep the run's other processes from starting a server, too."""
        with lock.hold(self.folder / "server.lock", PATIENCE):
            yield


@contextlib.contextmanager
def own(stop: Callable[[SuiteRun], None]) -> Iterator[SuiteRun]:
    """Be the owner of a new run; at the end, stop what it started and remove its folder."""
    base = _base_folder()
    with contextlib.ExitStack() as locks:
        with lock.hold(base / "lock", PATIENCE):  # unlocked, it would pass for a dead one's
            folder = base / uuid.uuid4().hex[:12]
            folder.mkdir(mode=0o711)
            locks.enter_context(lock.hold(folder / "owner.lock", 0))
        run = SuiteRun(folder)
        yield run
        if not run.kept.exists():
            _remove(run, stop)


def clean_up_dead(stop: Callable[[SuiteRun], None]) -> None:
    """Stop the servers of this user's runs whose owner is gone, and remove their folders."""
    base = _base_folder()
    with lock.hold(base / "lock", PATIENCE):
        for folder in base.iterdir():
            if not folder.is_dir():
                continue
            with (
                contextlib.suppress(LockTimeoutError),  # its owner lives
                lock.hold(folder / "owner.lock", 0),
            ):
                _remove(SuiteRun(folder), stop)


def _remove(run: SuiteRun, stop: Callable[[SuiteRun], None]) -> None:
    stop(run)
    shutil.rmtree(run.folder)


def _base_folder() -> Path:
    """Return the folder of this user's runs, made if absent.

    Others may pass through it (as root, the server runs under another account), not list it.
    """
    base = Path(tempfile.gettempdir()) / f"lmsschema-testing-{os.geteuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.geteuid():
        raise LmsschemaError(
            f"{base} belongs to somebody else", hint="Remove it, or set TMPDIR to another folder."
        )
    return base
