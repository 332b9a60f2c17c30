"""A run of a test suite: the folder that its processes share, and its clean-up.

The folder is in a base folder of the user. The run's owner (pytest's controlling process) holds a
file lock until it ends. So a later run can detect a run that was killed, and stop its server.
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
"""Seconds to wait for another process that is starting or stopping a server."""


@dataclass(frozen=True)
class SuiteRun:
    """A run's folder. All processes of the run use it; one process owns it."""

    folder: Path

    @property
    def record(self) -> Path:
        """The file that describes the server that this run started."""
        return self.folder / "server.json"

    @property
    def kept(self) -> Path:
        """The file that exists if the server is kept until the next run."""
        return self.folder / "kept"

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Prevent the run's other processes from starting a server at the same time."""
        with lock.hold(self.folder / "server.lock", PATIENCE):
            yield


@contextlib.contextmanager
def own(stop: Callable[[SuiteRun], None]) -> Iterator[SuiteRun]:
    """Own a new run; at the end, stop its server and remove its folder."""
    base = _base_folder()
    with contextlib.ExitStack() as locks:
        with lock.hold(base / "lock", PATIENCE):  # a folder without an owner's lock looks abandoned
            folder = base / uuid.uuid4().hex[:12]
            folder.mkdir(mode=0o711)
            locks.enter_context(lock.hold(folder / "owner.lock", 0))
        run = SuiteRun(folder)
        yield run
        if not run.kept.exists():
            _remove(run, stop)


def clean_up_dead(stop: Callable[[SuiteRun], None]) -> None:
    """Stop the servers of this user's runs whose owner has ended, and remove their folders."""
    base = _base_folder()
    with lock.hold(base / "lock", PATIENCE):
        for folder in base.iterdir():
            if not folder.is_dir():
                continue
            with (
                contextlib.suppress(LockTimeoutError),  # its owner is alive
                lock.hold(folder / "owner.lock", 0),
            ):
                _remove(SuiteRun(folder), stop)


def _remove(run: SuiteRun, stop: Callable[[SuiteRun], None]) -> None:
    stop(run)
    shutil.rmtree(run.folder)


def _base_folder() -> Path:
    """Return the folder of this user's runs; create it if it does not exist.

    Other accounts may enter it but not list it: as root, the server runs as another account.
    """
    base = Path(tempfile.gettempdir()) / f"lmsschema-testing-{os.geteuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.geteuid():
        raise LmsschemaError(
            f"{base} belongs to another account", hint="Remove it, or set TMPDIR to another folder."
        )
    return base
