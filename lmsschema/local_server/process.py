"""The status of a server by its ``postmaster.pid``, and how to connect to it.

The file remains after a server was killed, and its process id may now belong to another process.
So the process itself is checked as well.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from lmsschema.errors import DatabaseUnavailableError

SUPERUSER = "postgres"
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"

# lines of postmaster.pid, counted from 0 (miscadmin.h: LOCK_FILE_LINE_...)
_PID, _START_TIME, _SOCKETS, _STATUS = 0, 2, 4, 7


class ServerState(StrEnum):
    """The state of a server."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "running"
    STOPPING = "stopping"


_STATES = {
    "starting": ServerState.STARTING,
    "ready": ServerState.READY,
    "standby": ServerState.READY,
    "stopping": ServerState.STOPPING,
}


@dataclass(frozen=True)
class Status:
    """The status of a server.

    Attributes:
        data: Its data folder.
        state: Its state.
        pid: The process id of its postmaster.
        since: When it was started, in seconds since 1970.
        sockets: The folder of its socket, once it has one.
        program: The path of the postmaster's program, from its command line.
    """

    data: Path
    state: ServerState
    pid: int | None = None
    since: int | None = None
    sockets: Path | None = None
    program: Path | None = None

    @property
    def uninstalled(self) -> bool:
        """Whether it runs although its programs were removed, so that it can't load libraries."""
        return (
            self.program is not None and self.program.is_absolute() and not _is_file(self.program)
        )

    def conninfo(self, dbname: str) -> str:
        """Return a libpq keyword string for a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or its socket was removed.
        """
        return f"host='{self._reachable()}' port={PORT} user={SUPERUSER} dbname='{dbname}'"

    def url(self, dbname: str) -> str:
        """Return a URL, for libpq, psycopg and SQLAlchemy, of a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or its socket was removed.
        """
        folder = quote(str(self._reachable()), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(dbname, safe='')}?host={folder}&port={PORT}"

    def variables(self, dbname: str) -> dict[str, str]:
        """Return libpq's variables for a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or its socket was removed.
        """
        folder = str(self._reachable())
        return {"PGHOST": folder, "PGPORT": str(PORT), "PGUSER": SUPERUSER, "PGDATABASE": dbname}

    def _reachable(self) -> Path:
        """Return the folder of the socket; raise if there is no socket."""
        if self.state is not ServerState.READY or self.sockets is None:
            raise DatabaseUnavailableError(f"the server of {self.data} is not running")
        if not (self.sockets / SOCKET).exists():
            raise DatabaseUnavailableError(
                f"the server of {self.data} is running (process {self.pid}), but its socket was"
                f" removed from {self.sockets}",
                hint="Stop the server and start it again.",
            )
        return self.sockets


def status(data: Path) -> Status:
    """Return the status of the server of that data folder.

    Raises:
        DatabaseUnavailableError: This account can't read the folder.
    """
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return Status(data, ServerState.STOPPED)
    except PermissionError as error:
        raise DatabaseUnavailableError(
            f"this account can't read {data}: it belongs to the server of another account",
            hint="Use that account, or choose another folder.",
        ) from error
    pid = _number(lines, _PID)
    program = None if pid is None else _program(pid, data)
    if program is None:
        return Status(data, ServerState.STOPPED)
    lines += [""] * (_STATUS + 1 - len(lines))  # it is written line by line as the server starts
    return Status(
        data,
        _STATES.get(lines[_STATUS].strip(), ServerState.STARTING),
        pid,
        _number(lines, _START_TIME),
        Path(lines[_SOCKETS]) if lines[_SOCKETS] else None,
        program,
    )


def remove_misleading(*lock_files: Path) -> None:
    """Remove stale lock files because of which PostgreSQL would refuse to start.

    PostgreSQL itself ignores the lock file of a process that no longer exists. But it refuses to
    start if the process id now belongs to another process, or if the file is empty. The caller has
    made sure that no server runs.
    """
    for file in lock_files:
        try:
            pid = _number(file.read_text(errors="replace").splitlines(), _PID)
        except FileNotFoundError:
            continue
        if pid is None or _exists(pid):
            file.unlink(missing_ok=True)


def _program(pid: int, data: Path) -> Path | None:
    """Return the program of a process if it serves that data folder, else None."""
    program, *arguments = _command_line(pid) or [""]
    serves = Path(program).name == "postgres" and str(data) in arguments
    return Path(program) if serves else None


def _is_file(path: Path) -> bool:
    """Whether the file exists, or can't be looked up for lack of permission."""
    try:
        return path.is_file()
    except PermissionError:
        return True


def _command_line(pid: int) -> list[str]:
    """Return the words of a process's command line; empty if there is no such process."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return [] if Path("/proc/self/cmdline").exists() else command_line_by_ps(pid)
    return [os.fsdecode(word) for word in words.split(b"\0")]


def command_line_by_ps(pid: int) -> list[str]:
    """Return a process's program and its ``-D`` folder, for systems without /proc such as macOS."""
    import subprocess

    argv = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout
    program, _, rest = shown.strip().partition(" -D ")
    return [program, rest.partition(" -")[0]]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _number(lines: list[str], line: int) -> int | None:
    """Return the positive number in a line, counted from 0; None if there is none."""
    text = lines[line].strip() if line < len(lines) else ""
    return int(text) if text.isdecimal() and int(text) > 0 else None
