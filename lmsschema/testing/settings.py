"""How a throw-away server is set up: fast, since nothing in it outlives the tests."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  each run makes a folder of its own in it
_ROOM = 2 * 1024**3  # bytes

SERVER = {
    # a crash loses nothing that anyone wants back
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # no replica reads this WAL; it is kept small, a clone of a database goes through it
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "1h",
    # statistics and plans change when a test says so, not when a worker comes by
    "autovacuum": "off",
    "jit": "off",
    # several workers, each with a pool and the connections of its tests
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "shared_buffers": "256MB",
    # a test may hold a thousand partitions in one transaction
    "max_locks_per_transaction": "256",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def data_root() -> Path:
    """Return the folder to keep servers' data in: in memory where there is room, else on disk.

    A database is some 480 files; to make them costs more than all else, unless it is in memory.
    """
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
            return _MEMORY
    return Path(tempfile.gettempdir())
