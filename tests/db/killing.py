"""A run of the revisions in a process of its own, killed at a boundary of its statements.

The process talks to the server through a relay, which reads its statements and kills it: for good,
with SIGKILL, from outside.
"""

import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from psycopg import conninfo

from lmsschema import db, revisions, run_lock, runner
from lmsschema.db import Database
from lmsschema.target import Target

When = Literal["before", "sent"]

#: Statements after which a transaction has something to commit.
_CHANGES = ("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE")

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["lmsschema.runner", "alembic.command", "sqlalchemy", "psycopg"])


def upgrade(database: Database) -> None:
    """Bring a database to head as ``upgrade`` does, without looking for hazards beforehand."""
    with run_lock.hold(database):
        steps = revisions.ids()[revisions.position(current(database)) :]
        if steps:
            runner.run(database, "upgrade", steps[-1], steps, lambda _: None)


def current(database: Database) -> str | None:
    """Return the revision of a database that has a version table."""
    with database.transaction(read_only=True) as conn:
        row = conn.execute(db.query("version")).fetchone()
    return None if row is None else str(row[0])


def upgrade_url(url: str) -> None:
    """Open a database and bring it to head: what the process does that is killed."""
    database = db.connect(Target(url, "the test"))
    with contextlib.closing(database.conn):
        upgrade(database)


class Boundary:
    """Counts the statements that make a change last, and acts at one of them.

    Attributes:
        seen: The statements that it saw: ``COMMIT`` of a change, and those that run CONCURRENTLY.
    """

    def __init__(self, at: int, when: When) -> None:
        self.seen: list[str] = []
        self._at = at
        self._when = when
        self._act: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def on_reached(self, act: Callable[[], object]) -> None:
        """Say what to do at the boundary."""
        self._act = act

    def passes(self, text: str, *, changed: bool) -> bool:
        """Whether a statement is to go on to the server; acts if it is the one."""
        lasting = (text == "COMMIT" and changed) or "CONCURRENTLY" in text
        if not lasting:
            return True
        with self._lock:
            self.seen.append(" ".join(text.split()))
            reached = len(self.seen) == self._at
        if reached and self._when == "before":
            self._act()
            return False
        return True

    def sent(self, text: str, *, changed: bool) -> None:
        """Act if the statement that was just sent is the one."""
        lasting = (text == "COMMIT" and changed) or "CONCURRENTLY" in text
        if lasting and self._when == "sent" and len(self.seen) == self._at:
            self._act()


def run(url: str, at: int, when: When) -> tuple[int | None, list[str]]:
    """Upgrade a database in a process that is killed at its ``at``-th boundary.

    Returns:
        The process's exit code, -9 if it was killed, and the boundaries that it came to.
    """
    boundary = Boundary(at, when)
    with relayed(url, boundary) as through:
        process = _PROCESSES.Process(target=upgrade_url, args=(through,))
        process.start()
        pid = process.pid
        assert pid is not None
        boundary.on_reached(lambda: os.kill(pid, signal.SIGKILL))
        process.join(120)
        assert process.exitcode is not None
        return process.exitcode, boundary.seen


@contextlib.contextmanager
def relayed(url: str, boundary: Boundary) -> Iterator[str]:
    """Relay connections to a server; yields the URL of the database through the relay."""
    given = conninfo.conninfo_to_dict(url)
    host, port = str(given.get("host") or "localhost"), int(str(given.get("port") or 5432))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(
                    target=_relay, args=(client, host, port, boundary), daemon=True
                ).start()

        threading.Thread(target=accept, daemon=True).start()
        own = {"host": "127.0.0.1", "port": listener.getsockname()[1], "sslmode": "disable"}
        yield conninfo.make_conninfo("", **{**given, **own, "gssencmode": "disable"})
        listener.shutdown(socket.SHUT_RDWR)


def _relay(client: socket.socket, host: str, port: int, boundary: Boundary) -> None:
    """Carry one connection, reading what the client sends."""
    with contextlib.suppress(OSError, EOFError), client, _connect(host, port) as server:

        def back() -> None:
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    client.sendall(data)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=back, daemon=True).start()
        try:
            length = _read(client, 4)
            server.sendall(length + _read(client, int.from_bytes(length) - 4))
            changed = False
            while True:
                kind, length = _read(client, 1), _read(client, 4)
                body = _read(client, int.from_bytes(length) - 4)
                text = body.rstrip(b"\0").decode() if kind == b"Q" else ""
                if not boundary.passes(text, changed=changed):
                    return
                server.sendall(kind + length + body)
                boundary.sent(text, changed=changed)
                if text.startswith("BEGIN") or text == "COMMIT":
                    changed = False
                changed = changed or text.lstrip().startswith(_CHANGES)
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _connect(host: str, port: int) -> socket.socket:
    if host.startswith("/"):
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return server
    return socket.create_connection((host, port))


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
