"""What test_server and test_server_folders share."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lmsschema.local_server.server import Server
from lmsschema.testing import binaries, settings

VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)


PROGRAMS = binaries.find(VERSION)


FAST = {"fsync": "off", "full_page_writes": "off"}


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as another account")


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder, and remove it with the servers in it."""
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-server-", dir=settings.data_root()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for lock in folder.rglob("lmsschema.lock"):
            server = Server(None, lock.parent)
            server.stop("immediate")
            server.remove()
        shutil.rmtree(folder)


def ask(server: Server, statement: str) -> object:
    """Return the one value that a statement gives, in the database lms."""
    with psycopg.connect(server.url("lms"), autocommit=True) as conn:
        cursor = conn.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)
