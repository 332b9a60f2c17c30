"""The settings of a temporary server: fast, since its data is not needed after the tests."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  each run makes a folder of its own in it
_ROOM = 2 * 1024**3  # bytes

SERVER = {
    # no data needs to survive a crash
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # no replica reads this WAL; it is kept small, since copies of databases are written to it
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "1h",
    # statistics and plans change only when a test runs ANALYZE
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
    """Return the folder for servers' data: in memory if there is room, else on disk.

    A database has about 480 files; on disk, creating them takes longer than everything else.
    """
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
            return _MEMORY
    return Path(tempfile.gettempdir())
