"""A server whose clock is set: stopped and started again, its data live through the years.

Its timers do not fire (lock_timeout, deadlock_timeout), so it is for scenes without contention.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, settings

PROGRAMS = ("initdb", "pg_ctl", "postgres")


def library() -> Path:
    """Return libfaketime, which answers programs that ask what time it is."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        missing("faketime")
    return found[0]


def missing(package: str) -> NoReturn:
    """End a test for want of a Debian package: where CI runs it is a failure, elsewhere a skip."""
    reason = f"this test needs: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(when: str) -> dict[str, str]:
    """Return what sets a program's clock: ``2028-02-29 12:00:00`` stands, ``@…`` goes on."""
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": when,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


class Clocked:
    """A server that believes what time it is told."""

    def __init__(self, home: Path, more: Mapping[str, str]) -> None:
        self._programs = home / "bin"
        self._programs.mkdir()
        self._real = binaries.find(os.environ.get("LMSSCHEMA_TEST_VERSION") or binaries.NEWEST)
        for name in PROGRAMS:
            self._write(name, {})
        (home / "server").mkdir(mode=0o711)
        self._server = Server(self._programs, home / "server", {**settings.SERVER, **more})

    def set(self, when: str) -> str:
        """Start the server, or stop it and start it again, at that time; returns its URL."""
        self._server.stop()
        self._write("pg_ctl", environment(when))
        self._server.start()
        return self._server.url("postgres")

    def start(self) -> str:
        """Start the server with the machine's own clock; returns its URL."""
        self._server.start()
        return self._server.url("postgres")

    def remove(self) -> None:
        """Stop the server and remove it."""
        self._server.stop("immediate")
        self._server.remove()

    def _write(self, name: str, variables: Mapping[str, str]) -> None:
        given = " ".join(f"{key}='{value}'" for key, value in variables.items())
        path = self._programs / name
        path.write_text(f'#!/bin/sh\nexec env {given} {self._real / name} "$@"\n')
        path.chmod(0o755)


@contextlib.contextmanager
def clocked(**more: str) -> Iterator[Clocked]:
    """Make a server whose clock can be set, with further settings; removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="lmsschema-clocked-", dir=settings.data_root()))
    home.chmod(0o755)  # as root, the server runs under another account
    server = Clocked(home, more)
    try:
        yield server
    finally:
        server.remove()
        shutil.rmtree(home)


def run_as(account: str, *argv: str) -> "subprocess.Popen[bytes]":
    """Start a program that refuses to run as root, under another account if we are root."""
    user = account if os.geteuid() == 0 else None
    return subprocess.Popen(argv, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
