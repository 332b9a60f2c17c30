"""A PostgreSQL server of our own: made, started, asked and stopped.

It listens on a Unix socket alone, in a folder that only its account can enter. Nothing here
knows what the server is for; :mod:`lmsschema.local` makes it the user's, the tests their own.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from lmsschema import account as accounts
from lmsschema import binaries, cluster, filelock, postmaster, socket_folder
from lmsschema.account import Account
from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError, UnsafeError, UsageError
from lmsschema.postmaster import State, Status
from lmsschema.socket_folder import PORT, SOCKET

TIMEOUT = 60.0  # seconds

#: For a server whose data somebody wants to keep: PostgreSQL's own defaults, said aloud.
DURABLE: Mapping[str, str] = {"fsync": "on", "full_page_writes": "on"}

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_LOG_LIMIT = 10 * 1024 * 1024  # bytes after which a start begins a new log
_TAIL = 12  # lines of the log in a message
_POLL = 0.05


@dataclass(frozen=True)
class Server:
    """A server that lives in ``home``, whether it runs or not.

    As root it runs as another account (the owner of its data, else ``postgres``, else
    ``nobody``), which must be able to enter ``home``. No folder is touched but those made here.

    Args:
        programs: The folder with ``initdb``, ``pg_ctl``, ``postgres``; only a start needs it.
        home: The folder to keep everything in: absent, empty, or this server's already.
        settings: Server settings, put on its command line, which wins over every file.
        database: A database that is made together with the server.
    """

    programs: Path | None
    home: Path
    settings: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    database: str | None = None

    def __post_init__(self) -> None:
        """Refuse paths that a shell, a connection string or the pid file would misread."""
        for path in filter(None, (self.home, self.programs)):
            if not path.is_absolute() or not str(path).isprintable() or set(str(path)) & _UNFIT:
                raise UsageError(
                    f"no server can live in {str(path)!r}",
                    hint="Choose an absolute path without quotes, commas, '$', '\\' and control"
                    " characters.",
                )

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "server.log"

    def status(self) -> Status:
        """Return what the server is doing, by its pid file and its process."""
        return postmaster.status(self.data)

    def conninfo(self, dbname: str) -> str:
        """Return a libpq keyword string for a database of the running server."""
        return f"host='{self._sockets()}' port={PORT} user={cluster.SUPERUSER} dbname='{dbname}'"

    def url(self, dbname: str) -> str:
        """Return a URL, for libpq, psycopg and SQLAlchemy, of a database of the running server."""
        folder = quote(str(self._sockets()), safe="")
        name = quote(dbname, safe="")
        return f"postgresql://{cluster.SUPERUSER}@/{name}?host={folder}&port={PORT}"

    def start(self, timeout: float = TIMEOUT) -> bool:
        """Make the server if need be, start it, wait until it answers; False if it ran already.

        Safe to call from several processes at once, and after any of them, or the server, was
        killed at any instant.

        Args:
            timeout: Seconds to wait for another process that starts or stops it, and then for
                the server.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It can't be made or started; the message has its log's end.
            UnsafeError: ``home`` holds what was not made here.
        """
        if self.status().state is State.READY:
            return False
        with self._explained():
            _make_folder(self.home)
            self._check_ours()
            with filelock.hold(self._lock, timeout) as lock:
                deadline = time.monotonic() + timeout
                if self._settled(deadline).state is State.READY:
                    return False
                account = accounts.of_server(self.data)
                self._check_reachable(account)
                programs = self._usable_programs(account)
                cluster.remove_half_made(self.home)
                if not self.data.exists():
                    cluster.create(
                        self.data,
                        programs,
                        account,
                        database=self.database,
                        durable=self.settings.get("fsync") != "off",
                        lock=lock,
                        deadline=deadline,
                    )
                cluster.check_version(self.data, programs)
                self._launch(programs, account, deadline)
        return True

    def stop(self, mode: StopMode = "fast", timeout: float = TIMEOUT) -> bool:
        """Stop the server and wait for its end; False if it did not run.

        Args:
            mode: ``fast`` ends the sessions and writes everything out; ``immediate`` does not
                write, so the next start recovers; ``smart`` waits for the sessions to end.
            timeout: Seconds to wait for another process, and then for the server's end.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It still runs after ``timeout`` seconds.
        """
        if self.status().state is State.STOPPED:
            return False
        with self._explained(), filelock.hold(self._lock, timeout):
            return self._stop(mode, time.monotonic() + timeout)

    def remove(self, timeout: float = TIMEOUT) -> bool:
        """Stop the server and remove all that was made for it, but not ``home``; False if nothing.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It still runs after ``timeout`` seconds.
        """
        with self._explained():
            if not self._lock.exists():
                return False
            with filelock.hold(self._lock, timeout):
                deadline = time.monotonic() + timeout
                account = accounts.of_server(self.data)
                self._stop("fast", deadline)
                with self._no_survivors(deadline):
                    socket_folder.remove(socket_folder.path(self.home), account)
                    cluster.remove(self.data)
                    binaries.remove_copies(self.home)
                    for file in (self.log, self._old_log, self._guard, self._lock):
                        file.unlink(missing_ok=True)
        return True

    @property
    def _lock(self) -> Path:
        """Held by whoever starts, stops or removes the server; the first file made in its home."""
        return self.home / "lmsschema.lock"

    @property
    def _guard(self) -> Path:
        """Held by the server's processes as long as one of them lives."""
        return self.home / "server.lock"

    @property
    def _old_log(self) -> Path:
        return self.home / "server.log.1"

    def _sockets(self) -> Path:
        """Return the folder of the running server's socket."""
        found = self.status()
        if found.state is not State.READY or found.sockets is None:
            raise DatabaseUnavailableError(f"the server in {self.home} is not running")
        if not (found.sockets / SOCKET).exists():
            raise DatabaseUnavailableError(
                f"the server in {self.home} runs (process {found.pid}), but somebody removed its"
                f" socket in {found.sockets}",
                hint="Stop the server and start it again.",
            )
        return found.sockets

    def _check_ours(self) -> None:
        """Refuse a folder with somebody's own files: they might bear the names of ours."""
        # in this order: another process may be making the first ones right now, its lock first
        if any(self.home.iterdir()) and not self._lock.exists():
            raise UnsafeError(
                f"{self.home} holds files that lmsschema did not make; it keeps a server only in a"
                " folder of its own",
                hint="Nothing was changed. Choose a folder that is empty or does not exist.",
            )

    def _check_reachable(self, account: Account | None) -> None:
        """Refuse a home that the account can't enter; whose folder that is, we don't know."""
        closed = accounts.closed_folder(self.home, account)
        if account is not None and closed is not None:
            raise DatabaseUnavailableError(
                f"{closed} is closed to the account {account.name}, which runs the server"
                " (PostgreSQL refuses to run as root)",
                hint=f"Choose another folder, or open that one yourself: chmod o+x '{closed}'",
            )

    def _usable_programs(self, account: Account | None) -> Path:
        """Return the folder of programs that the account can run."""
        if self.programs is None:
            raise DatabaseUnavailableError(f"no PostgreSQL is installed for the server {self.home}")
        return binaries.for_account(self.programs, account, self.home)

    def _settled(self, deadline: float) -> Status:
        """Wait until the server neither starts nor stops, and return what it does."""
        while (found := self.status()).state in (State.STARTING, State.STOPPING):
            if time.monotonic() >= deadline:
                raise DatabaseUnavailableError(
                    f"the server in {self.home} (process {found.pid}) is still {found.state}"
                    f"{self._log_tail(0)}",
                    hint="It may be recovering from a crash: try again in a while.",
                )
            time.sleep(_POLL)
        return found

    def _launch(self, programs: Path, account: Account | None, deadline: float) -> None:
        """Start the server and wait until it takes connections."""
        sockets = socket_folder.path(self.home)
        socket_folder.make(sockets, account)
        begin = self._begin_log(account)
        words = [
            "-h",
            "",
            "-p",
            str(PORT),
            "-k",
            str(sockets),
            "-c",
            "unix_socket_permissions=0700",
        ]
        for name, value in self.settings.items():
            words += ["-c", f"{name}={value}"]
        with self._no_survivors(deadline) as guard:
            postmaster.remove_misleading(self.data / "postmaster.pid", sockets / f"{SOCKET}.lock")
            left = max(1, round(deadline - time.monotonic()))
            argv = [programs / "pg_ctl", "start", "-D", self.data, "-l", self.log]
            argv += ["-s", "-w", "-t", left, "-o", shlex.join(words)]
            done = accounts.run(argv, account, folder=Path("/"), timeout=left + 10, keep=[guard])
        if done.returncode:
            self._settled(0)  # raises where it needs more time
            raise DatabaseUnavailableError(
                f"the server in {self.home} did not start: {done.stdout.strip()}"
                f"{self._log_tail(begin)}",
                hint=f"Mend what its log says, and try again. All of it: {self.log}",
            )

    def _stop(self, mode: StopMode, deadline: float) -> bool:
        """Stop the server by signal: pg_ctl does no more, and may be uninstalled by now."""
        found = self.status()
        if found.pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, _SIGNALS[mode])
        while self.status().pid == found.pid:
            if time.monotonic() >= deadline:
                raise DatabaseUnavailableError(
                    f"the server in {self.home} (process {found.pid}) has not stopped in time"
                    f"{self._log_tail(0)}",
                    hint="It has been told to, and goes on stopping.",
                )
            time.sleep(_POLL / 2)
        with self._no_survivors(deadline):
            return True

    @contextlib.contextmanager
    def _no_survivors(self, deadline: float) -> Iterator[int]:
        """Wait until no process of an earlier server lives; yields the lock for the next one's.

        Processes outlive a killed postmaster for a moment, or for as long as a query takes; and
        where the folder is shared by containers, a server may run that can't be seen from here.
        """
        try:
            with filelock.hold(self._guard, max(0.0, deadline - time.monotonic())) as guard:
                yield guard
        except LockTimeoutError as error:
            raise DatabaseUnavailableError(
                f"processes of a server that can't be seen from here still use {self.home}",
                hint="Stop it in the container or on the machine where it runs.",
            ) from error

    def _begin_log(self, account: Account | None) -> int:
        """Make the log if need be, put a long one aside, and return where new lines will begin."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self._old_log)
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if account is not None:
                os.fchown(descriptor, account.uid, account.gid)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _log_tail(self, begin: int) -> str:
        """Return the last lines that the log has got since ``begin``, to end a message with."""
        try:
            lines = self.log.read_bytes()[begin:].decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "".join(f"\n  {line}" for line in lines[-_TAIL:])

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the system refuses into an error that says where."""
        try:
            yield
        except subprocess.TimeoutExpired as error:
            raise DatabaseUnavailableError(
                f"{Path(error.cmd[0]).name} has not ended in time for the server in {self.home}",
                hint="Try again; the disk may be slow or stuck.",
            ) from error
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise DatabaseUnavailableError(
                f"no server can be kept in {self.home}: {error.strerror}{where}",
                hint="Make room, give this account the right to write there, or choose another"
                " folder.",
            ) from error


#: What a shell (pg_ctl uses one), a connection string or a list of folders gives a meaning.
_UNFIT = frozenset("\"'`$\\,")


def _make_folder(folder: Path) -> None:
    """Make the folder and what is missing above it: our own, but as root open to pass through."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    umask = os.umask(0)  # it must not close a folder, even for a moment, to the server's account
    try:
        for part in reversed(missing):
            part.mkdir(mode, exist_ok=True)
    finally:
        os.umask(umask)
