"""PgBouncer in transaction mode before a server: each transaction may get another session."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from psycopg import conninfo

from tests.support.clocked import missing, run_as

PORT = 6543


@contextlib.contextmanager
def transaction_mode(url: str) -> Iterator[str]:
    """Start a pooler before the server of ``url``; yield the URL through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing("pgbouncer")
    given = conninfo.conninfo_to_dict(url)
    folder = Path(tempfile.mkdtemp(prefix="lmsschema-pooler-"))
    folder.chmod(0o777)
    users = folder / "users.txt"
    users.write_text(f'"{given["user"]}" "{given.get("password", "")}"\n')
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={given['host']} port={given['port']}\n"
        f"[pgbouncer]\nlisten_port = {PORT}\n"
        f"unix_socket_dir = {folder}\nauth_type = trust\nauth_file = {users}\n"
        f"pool_mode = transaction\ndefault_pool_size = 4\nlogfile = {folder}/log\n"
    )
    pooler = run_as("postgres", program, str(config))
    try:
        deadline = time.monotonic() + 10
        while not (folder / f".s.PGSQL.{PORT}").exists():
            assert time.monotonic() < deadline
            assert pooler.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"postgresql://{given['user']}@/{given['dbname']}?host={folder}&port={PORT}"
    finally:
        pooler.terminate()
        pooler.wait()
        shutil.rmtree(folder)
