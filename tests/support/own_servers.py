"""Servers that a test has to itself: where they live, a standby of one, one on a small disk."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lmsschema.local_server import account
from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, settings

VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder that the account of a server may pass through."""
    made = Path(tempfile.mkdtemp(prefix="lmsschema-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@contextlib.contextmanager
def standby_of(primary: Server, home: Path, given: Mapping[str, str]) -> Iterator[Server]:
    """A standby of a running server, in recovery."""
    server = Server(primary.programs, home, given)
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


@contextlib.contextmanager
def small_disk(room: int) -> Iterator[Server]:
    """A server whose databases lie on a disk with room for so many bytes; only root mounts one."""
    with passable_folder() as folder:
        server = Server(binaries.find(VERSION), folder, settings.SERVER)
        server.start()
        server.stop()
        base = server.data / "base"
        moved, owner = base.rename(server.data / "moved"), server.data.stat()
        base.mkdir()
        used = sum(file.stat().st_size for file in moved.rglob("*"))
        options = f"size={used + room},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", base], check=True)
        try:
            subprocess.run(["cp", "-a", f"{moved}/.", base], check=True)
            server.start()
            yield server
            server.stop("immediate")
        finally:
            subprocess.run(["umount", base], check=True)
