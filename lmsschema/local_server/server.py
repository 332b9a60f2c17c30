"""A PostgreSQL server in a folder: its creation, start, status and stop.

It listens only on a Unix socket, in a folder that only its account can enter.
"""

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lmsschema.deadline import Deadline
from lmsschema.errors import DatabaseUnavailableError, UsageError
from lmsschema.local_server import account as accounts
from lmsschema.local_server import cluster, process
from lmsschema.local_server import home as folders
from lmsschema.local_server import lock as filelock
from lmsschema.local_server import log as server_log
from lmsschema.local_server import programs as binaries
from lmsschema.local_server.account import Account
from lmsschema.local_server.process import PORT, SOCKET, ServerState, Status

TIMEOUT = 60.0  # seconds

#: Settings of a server whose data is to be kept: PostgreSQL's defaults, enforced.
DURABLE: Mapping[str, str] = {"fsync": "on", "full_page_writes": "on"}

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

#: Characters with a meaning in a shell (pg_ctl uses one), connection string or list of folders.
_UNFIT = frozenset("\"'`$\\,")
_POLL = 0.05  # seconds


@dataclass(frozen=True)
class Server:
    """A server in the folder ``home``, running or not.

    If the caller is root, the server runs as another account (:func:`account.of_server`), which
    must be able to enter ``home``. Only folders that were created here are changed.

    Args:
        programs: The folder with ``initdb``, ``pg_ctl``, ``postgres``; needed only by ``start``.
        home: The server's folder: absent, empty, or already this server's.
        settings: Server settings. They are on its command line, which overrides every file.
        database: A database to create with the server.
    """

    programs: Path | None
    home: Path
    settings: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    database: str | None = None

    def __post_init__(self) -> None:
        """Refuse paths that can't be written in a shell, a connection string or the pid file."""
        for path in filter(None, (self.home, self.programs)):
            if not path.is_absolute() or not str(path).isprintable() or set(str(path)) & _UNFIT:
                raise UsageError(
                    f"the path {str(path)!r} can't be used for a server",
                    hint="Choose an absolute path without quotes, ',', '$' and '\\'.",
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
        """Return the server's status, from its pid file and its process."""
        return process.status(self.data)

    def conninfo(self, dbname: str) -> str:
        """Return a libpq keyword string for a database of the running server."""
        return self.status().conninfo(dbname)

    def url(self, dbname: str) -> str:
        """Return a URL, for libpq, psycopg and SQLAlchemy, of a database of the running server."""
        return self.status().url(dbname)

    def start(self, timeout: float = TIMEOUT) -> bool:
        """Create the server if necessary and start it; return False if it was running already.

        A running server whose programs were removed is stopped and started with the given ones.
        Several processes may call this at once, also after one of them or the server was killed.

        Args:
            timeout: Seconds to wait for another process, and then for the server.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It can't be created or started; the message ends with its log.
            UnsafeError: ``home`` contains files that were not created here.
        """
        found = self.status()
        if found.state is ServerState.READY and not found.uninstalled:
            return False
        with self._explained():
            folders.make_home(self.home, self._lock)
            with filelock.hold(self._lock, timeout) as lock:
                deadline = Deadline(timeout, pause=_POLL)
                if self.programs is not None and self.status().uninstalled:
                    self._stop("fast", deadline)
                with self._settled(deadline) as guard:
                    if guard is None:
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
                    self._launch(programs, account, guard, deadline)
        return True

    def stop(self, mode: StopMode = "fast", timeout: float = TIMEOUT) -> bool:
        """Stop the server and wait until it has stopped; return False if it did not run.

        Args:
            mode: ``fast`` ends the sessions and writes everything out; ``immediate`` does not
                write, so the next start recovers; ``smart`` waits for the sessions to end.
            timeout: Seconds to wait for another process, and then for the server's end.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It still runs after ``timeout`` seconds.
        """
        if self.status().state is ServerState.STOPPED:
            return False
        with self._explained(), filelock.hold(self._lock, timeout):
            deadline = Deadline(timeout, pause=_POLL)
            stopped = self._stop(mode, deadline)
            with self._settled(deadline):
                return stopped

    def remove(self, timeout: float = TIMEOUT) -> bool:
        """Stop and remove the server, but not the folder ``home``; return False if there is none.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It still runs after ``timeout`` seconds.
        """
        with self._explained():
            if not self._lock.exists():
                return False
            with filelock.hold(self._lock, timeout):
                deadline = Deadline(timeout, pause=_POLL)
                account = accounts.of_server(self.data)
                while True:
                    self._stop("fast", deadline)
                    with self._settled(deadline) as guard:
                        if guard is not None:  # else it has just become ready
                            self._remove(account)
                            return True

    @property
    def _lock(self) -> Path:
        """Locked while the server is started, stopped or removed; the first file in its home."""
        return self.home / "lmsschema.lock"

    @property
    def _guard(self) -> Path:
        """Locked by the server's processes until the last of them has ended."""
        return self.home / "server.lock"

    @contextlib.contextmanager
    def _settled(self, deadline: Deadline) -> Iterator[int | None]:
        """Wait until the server is ready, or until its last process has ended.

        Yields None if it is ready, else the guard's descriptor, for the next server to inherit.
        Processes may outlive a killed postmaster, as long as a query takes. In a folder that
        containers share, a server may run whose processes are not visible here.
        """
        while (found := self.status()).state is not ServerState.READY:
            with contextlib.ExitStack() as stack:
                stopped = found.state is ServerState.STOPPED
                guard = filelock.take(self._guard, stack) if stopped else None
                if guard is not None:
                    yield guard
                    return
            if deadline.expired:
                raise self._unsettled(found)
            deadline.pause()
        yield None

    def _unsettled(self, found: Status) -> DatabaseUnavailableError:
        """Return the error for a server that was neither ready nor ended in time."""
        if found.state is ServerState.STOPPED:
            return DatabaseUnavailableError(
                f"a server whose processes are not visible here still uses {self.home}",
                hint="Stop that server, in its container or on its machine.",
            )
        return DatabaseUnavailableError(
            f"the server in {self.home} (process {found.pid}) is still {found.state}"
            f"{server_log.tail(self.log)}",
            hint="It continues; recovery after a crash may take some time. Try again later.",
        )

    def _check_reachable(self, account: Account | None) -> None:
        """Raise if the account can't enter the server's folder."""
        closed = accounts.closed_folder(self.home, account)
        if account is not None and closed is not None:
            raise DatabaseUnavailableError(
                f"the account {account.name}, which runs the server since PostgreSQL refuses to run"
                f" as root, can't enter {closed}",
                hint=f"Choose another folder, or allow it to enter: chmod o+x '{closed}'",
            )

    def _usable_programs(self, account: Account | None) -> Path:
        """Return the folder of programs that the account can run."""
        if self.programs is None:
            raise DatabaseUnavailableError(
                f"PostgreSQL for the server {self.home} is not installed"
            )
        return binaries.for_account(self.programs, account, self.home)

    def _launch(
        self, programs: Path, account: Account | None, guard: int, deadline: Deadline
    ) -> None:
        """Start the server, which inherits the guard, and wait until it answers."""
        sockets = folders.for_socket(self.home)
        folders.make_for_socket(sockets, account)
        process.remove_misleading(self.data / "postmaster.pid", sockets / f"{SOCKET}.lock")
        begin = server_log.begin(self.log, account)
        words = ["-h", "", "-p", str(PORT), "-k", str(sockets)]
        for name, value in {"unix_socket_permissions": "0700", **self.settings}.items():
            words += ["-c", f"{name}={value}"]
        left = max(1, round(deadline.left))
        argv = [programs / "pg_ctl", "start", "-D", self.data, "-l", self.log]
        argv += ["-s", "-w", "-t", left, "-o", shlex.join(words)]
        done = accounts.run(argv, account, folder=Path("/"), timeout=left + 10, keep=[guard])
        found = self.status()
        if found.state is ServerState.STARTING:
            raise self._unsettled(found)
        if done.returncode:
            said = server_log.tail(self.log, begin) or f" {done.stdout.strip()}"
            raise DatabaseUnavailableError(
                f"the server in {self.home} did not start:{said}",
                hint=f"Fix the cause, then try again. The whole log: {self.log}",
            )

    def _stop(self, mode: StopMode, deadline: Deadline) -> bool:
        """Stop the server by a signal, as pg_ctl does, which may have been uninstalled."""
        found = self.status()
        if found.pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, _SIGNALS[mode])
        while (now := self.status()).pid == found.pid:
            if deadline.expired:
                raise self._unsettled(now)
            deadline.pause()
        return True

    def _remove(self, account: Account | None) -> None:
        """Remove the server's files, the lock last: by it a partly removed server is recognized."""
        folders.remove_for_socket(folders.for_socket(self.home), account)
        cluster.remove(self.data)
        binaries.remove_copies(self.home)
        server_log.remove(self.log)
        self._guard.unlink()
        self._lock.unlink()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise errors of the operating system as errors that name the server's folder."""
        try:
            yield
        except subprocess.TimeoutExpired as error:
            raise DatabaseUnavailableError(
                f"{Path(error.cmd[0]).name} did not end in time for the server in {self.home}",
                hint="Try again; the disk may be slow or stuck.",
            ) from error
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise DatabaseUnavailableError(
                f"the server's files in {self.home} can't be written: {error.strerror}{where}",
                hint="Free space, let this account write there, or choose another folder.",
            ) from error
