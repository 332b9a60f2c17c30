"""A PostgreSQL server of our own: made, started, asked and stopped.

It listens on a Unix socket alone, in a folder that only its account can enter.
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

#: For a server whose data somebody wants to keep: PostgreSQL's own defaults, said aloud.
DURABLE: Mapping[str, str] = {"fsync": "on", "full_page_writes": "on"}

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

#: What a shell (pg_ctl uses one), a connection string or a list of folders gives a meaning.
_UNFIT = frozenset("\"'`$\\,")
_POLL = 0.05  # seconds


@dataclass(frozen=True)
class Server:
    """A server that lives in ``home``, whether it runs or not.

    As root it runs as another account (its data's owner, else ``postgres``, else ``nobody``),
    which must be able to enter ``home``. No folder is touched but those made here.

    Args:
        programs: The folder with ``initdb``, ``pg_ctl``, ``postgres``; only a start needs it.
        home: The folder to keep everything in: absent, empty, or this server's already.
        settings: Server settings, put on its command line, which wins over every file.
        database: A database that is made with it.
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
                    hint="Choose an absolute path of plain characters: no quotes, ',', '$', '\\'.",
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
        return process.status(self.data)

    def conninfo(self, dbname: str) -> str:
        """Return a libpq keyword string for a database of the running server."""
        return self.status().conninfo(dbname)

    def url(self, dbname: str) -> str:
        """Return a URL, for libpq, psycopg and SQLAlchemy, of a database of the running server."""
        return self.status().url(dbname)

    def start(self, timeout: float = TIMEOUT) -> bool:
        """Make the server if need be, start it, wait until it answers; False if it ran already.

        A server whose own programs were removed, with the environment that they were installed in,
        is stopped and started with ours. Safe to call from several processes at once, and after any
        of them, or the server, was killed at any instant.

        Args:
            timeout: Seconds to wait for another process that starts or stops it, and then for
                the server.

        Raises:
            LockTimeoutError: Another process is still starting or stopping it.
            DatabaseUnavailableError: It can't be made or started; the message has its log's end.
            UnsafeError: ``home`` holds what was not made here.
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
        """Stop the server and wait for its end; False if it did not run.

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
        """Stop the server and remove all that was made for it, but not ``home``; False if nothing.

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
                        if guard is not None:  # else it has come up only now
                            self._remove(account)
                            return True

    @property
    def _lock(self) -> Path:
        """Held by whoever starts, stops or removes the server; the first file made in its home."""
        return self.home / "lmsschema.lock"

    @property
    def _guard(self) -> Path:
        """Held by the server's processes as long as one of them lives."""
        return self.home / "server.lock"

    @contextlib.contextmanager
    def _settled(self, deadline: Deadline) -> Iterator[int | None]:
        """Wait until the server either runs, and yield None, or is gone to its last process.

        Then the guard's descriptor is yielded, for the next server to hold as long as it lives.
        Processes outlive a killed postmaster for a moment, or for as long as a query takes; and
        where the folder is shared by containers, a server may run that can't be seen from here.
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
        """Return the error for a server that neither runs nor is gone in time."""
        if found.state is ServerState.STOPPED:
            return DatabaseUnavailableError(
                f"processes of a server that can't be seen from here still use {self.home}",
                hint="Stop it in the container or on the machine where it runs.",
            )
        return DatabaseUnavailableError(
            f"the server in {self.home} (process {found.pid}) is still {found.state}"
            f"{server_log.tail(self.log)}",
            hint="It goes on; after a crash it may take a while to recover. Try again later.",
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

    def _launch(
        self, programs: Path, account: Account | None, guard: int, deadline: Deadline
    ) -> None:
        """Start the server, which holds the guard from now on, and wait until it answers."""
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
                hint=f"Fix what its log says, and try again. All of it: {self.log}",
            )

    def _stop(self, mode: StopMode, deadline: Deadline) -> bool:
        """Stop the server by signal: pg_ctl does no more, and may be uninstalled by now."""
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
        """Remove what was made; the lock last, so that the rest can be recognized as ours."""
        folders.remove_for_socket(folders.for_socket(self.home), account)
        cluster.remove(self.data)
        binaries.remove_copies(self.home)
        server_log.remove(self.log)
        self._guard.unlink()
        self._lock.unlink()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the system refuses into an error that says where."""
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
                f"no server can be kept in {self.home}: {error.strerror}{where}",
                hint="Make room, let this account write there, or choose another folder.",
            ) from error
