"""The files of exports in a folder that several runs, of several databases, may share.

A file is written under another name (``NAME.csv.partial``) and locked (flock) until its manifest is
there. What a run that was killed has left of one is locked by nobody: the next run writes over it.
"""

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from lmsschema.partition_manager import manifest as manifests
from lmsschema.partition_manager.manifest import Manifest


def whole(folder: Path, name: str) -> Iterator[tuple[Path, Manifest]]:
    """Yield the exports of tables of a name that have a file and a manifest."""
    for number in itertools.count(1):
        path = _numbered(folder, name, number)
        noted = manifests.path_of(path)
        if not path.exists() and not noted.exists():
            return
        with contextlib.suppress(OSError, ValueError, TypeError):
            yield path, manifests.read(noted)


@contextlib.contextmanager
def begun(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Yield the name of a new file, and the empty file under which it is written.

    Nothing is overwritten: a name that is taken gets a number.
    """
    for number in itertools.count(1):
        path = _numbered(folder, name, number)
        partial = path.with_suffix(".partial")
        if path.exists() or manifests.path_of(path).exists():
            continue
        descriptor = _claimed(partial)
        if descriptor is None:
            continue
        try:
            if not path.exists():  # by a run that has ended since we looked
                yield path, partial
                return
        finally:
            if _is_still(partial, descriptor):
                partial.unlink()
            os.close(descriptor)


def _numbered(folder: Path, name: str, number: int) -> Path:
    return folder / (f"{name}.csv.gz" if number == 1 else f"{name}-{number}.csv.gz")


def _claimed(partial: Path) -> int | None:
    """Open and lock a file, made if need be; None: another run has it."""
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:  # the file system has no such locks
        partial.unlink()
        os.close(descriptor)
        raise
    if not _is_still(partial, descriptor):  # it was renamed before we locked it
        os.close(descriptor)
        return None
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether a path names the file that was opened."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
