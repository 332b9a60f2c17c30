"""Servers that a test has to itself: where they live, and a standby of one."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lmsschema.local_server import account
from lmsschema.local_server.server import Server
from lmsschema.testing import binaries

VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder that the account of a server may pass through."""
    made = Path(tempfile.mkdtemp(prefix="lmsschema-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@contextlib.contextmanager
def standby_of(primary: Server, home: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """A standby of a running server, in recovery."""
    server = Server(primary.programs, home, settings)
    server.start()
    server.stop()
    runs_as = account.of_server(server.data)
    shutil.rmtree(server.data)
    server.data.mkdir(mode=0o700)
    if runs_as is not None:
        os.chown(server.data, runs_as.uid, runs_as.gid)
    assert server.programs is not None
    program = server.programs / "pg_basebackup"
    copied = account.run(
        [program, "-D", server.data, "-R", "-c", "fast", "-d", primary.conninfo("lms")],
        runs_as,
        folder=Path("/"),
        timeout=60,
    )
    assert copied.returncode == 0, copied.stdout
    server.start()
    yield server
    server.stop("immediate")
