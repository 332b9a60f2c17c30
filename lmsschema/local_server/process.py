"""What ``postmaster.pid`` says about a server, whether it is true, and how to connect.

The file outlives a server that was killed, and its number may meanwhile be another process's.
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
    """What a server is doing."""

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
    """What is known of a server.

    Attributes:
        data: Its data folder.
        state: What it is doing.
        pid: Its postmaster's process.
        since: When it was started, in seconds since 1970.
        sockets: The folder of its socket, once it has one.
        program: The program that its postmaster runs, as its command line names it.
    """

    data: Path
    state: ServerState
    pid: int | None = None
    since: int | None = None
    sockets: Path | None = None
    program: Path | None = None

    @property
    def uninstalled(self) -> bool:
        """Whether it runs although its programs were removed; it can load no library any more."""
        return (
            self.program is not None and self.program.is_absolute() and not _is_file(self.program)
        )

    def conninfo(self, dbname: str) -> str:
        """Return a libpq keyword string for a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or can't be reached any more.
        """
        return f"host='{self._reachable()}' port={PORT} user={SUPERUSER} dbname='{dbname}'"

    def url(self, dbname: str) -> str:
        """Return a URL, for libpq, psycopg and SQLAlchemy, of a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or can't be reached any more.
        """
        folder = quote(str(self._reachable()), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(dbname, safe='')}?host={folder}&port={PORT}"

    def variables(self, dbname: str) -> dict[str, str]:
        """Return libpq's variables for a database of the running server.

        Raises:
            DatabaseUnavailableError: It does not run, or can't be reached any more.
        """
        folder = str(self._reachable())
        return {"PGHOST": folder, "PGPORT": str(PORT), "PGUSER": SUPERUSER, "PGDATABASE": dbname}

    def _reachable(self) -> Path:
        """Return the folder of the socket, which must be there."""
        if self.state is not ServerState.READY or self.sockets is None:
            raise DatabaseUnavailableError(f"the server of {self.data} is not running")
        if not (self.sockets / SOCKET).exists():
            raise DatabaseUnavailableError(
                f"the server of {self.data} runs (process {self.pid}), but somebody removed its"
                f" socket from {self.sockets}",
                hint="Stop the server and start it again.",
            )
        return self.sockets


def status(data: Path) -> Status:
    """Return what the server of that data folder is doing.

    Raises:
        DatabaseUnavailableError: The folder is another account's.
    """
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return Status(data, ServerState.STOPPED)
    except PermissionError as error:
        raise DatabaseUnavailableError(
            f"{data} is closed to this account: a server of another account lives there",
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
    """Remove lock files of a server that is gone which PostgreSQL would take for a living one's.

    It sees by itself that a process is gone; it refuses to start where the number is meanwhile
    another process's, or the file is empty. The caller has made sure that no server runs.
    """
    for file in lock_files:
        try:
            pid = _number(file.read_text(errors="replace").splitlines(), _PID)
        except FileNotFoundError:
            continue
        if pid is None or _exists(pid):
            file.unlink(missing_ok=True)


def _program(pid: int, data: Path) -> Path | None:
    """Return the program of a process that serves that data folder; None if it does not."""
    program, *arguments = _command_line(pid) or [""]
    serves = Path(program).name == "postgres" and str(data) in arguments
    return Path(program) if serves else None


def _is_file(path: Path) -> bool:
    """Say whether there is such a file; one that is closed to us is there."""
    try:
        return path.is_file()
    except PermissionError:
        return True


def _command_line(pid: int) -> list[str]:
    """Return the words of a process's command line; none if there is no such process."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return [] if Path("/proc/self/cmdline").exists() else command_line_by_ps(pid)
    return [os.fsdecode(word) for word in words.split(b"\0")]


def command_line_by_ps(pid: int) -> list[str]:
    """Return the program and its first ``-D`` where there is no /proc, as on macOS."""
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
    """Return the positive number in that line, or None."""
    text = lines[line].strip() if line < len(lines) else ""
    return int(text) if text.isdecimal() and int(text) > 0 else None
