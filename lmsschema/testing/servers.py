"""The server of a run: one that is named, one in a container, or an embedded one.

The first process of the run that needs it starts it; the others find it in the run's folder.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.testing import runs, settings
from lmsschema.testing.runs import SuiteRun


class ServerKind(StrEnum):
    """Where a server comes from; `AUTO` uses the first of the others that is available."""

    AUTO = "auto"
    URL = "url"
    CONTAINER = "container"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Wish:
    """The server that the user asks for.

    Attributes:
        kind: Where it comes from.
        url: A running server; "" if none is named.
        image: The container's image; "" for the official one.
        version: The major version of an embedded server, and of the official image.
        folder: The folder for an embedded server's data; "" for the fastest available.
    """

    kind: ServerKind
    url: str = field(repr=False)  # may contain a password, and pytest prints fixtures' values
    image: str
    version: str
    folder: str = ""


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts connections.

    Attributes:
        kind: Where it comes from.
        url: Its URL, for a role that may create databases; "" while it is being started.
        origin: A description for people.
        home: The folder of an embedded server; "" for others.
    """

    kind: ServerKind
    url: str = field(repr=False)  # as above
    origin: str
    home: str = ""


def of(run: SuiteRun, wish: Wish, tell: Callable[[str], None] = lambda _: None) -> RunningServer:
    """Return the run's server; start it if this is the first process that asks for it.

    Args:
        run: The run.
        wish: What is asked for.
        tell: Told what takes long.

    Raises:
        UsageError: The request is incomplete or names an unsupported version.
        LmsschemaError: No server is available; the message says what was tried.
    """
    if wish.kind is ServerKind.URL and not wish.url:
        raise UsageError("no server is named", hint="Set LMSSCHEMA_TEST_URL or lms_server_url.")
    if wish.url and wish.kind in (ServerKind.AUTO, ServerKind.URL):
        return RunningServer(ServerKind.URL, _url(wish.url), "the server named by its URL")
    with run.starting():
        if run.record.exists():
            found = _noted(run)
            if found.url:
                return found
            stop(run)  # a process of this run ended while it started the server
        else:
            runs.clean_up_dead(stop)
        tell(f"starting PostgreSQL {wish.image or wish.version} for the tests")
        return _start(run, wish)


def stop(run: SuiteRun) -> None:
    """Stop the server that the run started, also if its start was interrupted."""
    if not run.record.exists():
        return
    noted = _noted(run)
    if noted.kind is ServerKind.CONTAINER:
        from lmsschema.testing import containers

        containers.remove(run.folder.name)
    else:
        from lmsschema.local_server.server import Server

        home = Path(noted.home)
        server = Server(home, home)  # stopping it needs none of its programs
        server.stop("immediate")
        server.remove()
        shutil.rmtree(home, ignore_errors=True)


def _url(given: str) -> str:
    """Return a URL that both libpq and SQLAlchemy accept, from any connection string."""
    from psycopg import conninfo

    from lmsschema.database import target
    from lmsschema.testing import databases

    parsed = target.parse(given, "the tests' server")
    return databases.url(parsed, str(conninfo.conninfo_to_dict(parsed).get("dbname", "postgres")))


def _start(run: SuiteRun, wish: Wish) -> RunningServer:
    why_none = ""
    if wish.kind is not ServerKind.EMBEDDED:
        from lmsschema.testing import containers

        image = wish.image or f"postgres:{wish.version}"
        if containers.engine() is None:
            why_none = "no Docker engine answers, or testcontainers is not installed"
        else:
            _note(run, RunningServer(ServerKind.CONTAINER, "", ""))
            try:
                url = containers.start(image, run.folder.name)
                return _note(
                    run, RunningServer(ServerKind.CONTAINER, url, f"a container of {image}")
                )
            except LmsschemaError as error:
                if wish.image:
                    raise
                why_none = error.message
        if wish.kind is ServerKind.CONTAINER:
            raise LmsschemaError(
                why_none, hint="Start a Docker engine, or use --lms-server embedded."
            )
    return _start_embedded(run, wish, why_none)


def _start_embedded(run: SuiteRun, wish: Wish, why_no_container: str) -> RunningServer:
    from lmsschema.local_server.server import Server
    from lmsschema.testing import binaries

    root = Path(wish.folder) if wish.folder else settings.data_root()
    home = root.resolve() / f"lmsschema-{run.folder.name}"
    _note(run, RunningServer(ServerKind.EMBEDDED, "", "", str(home)))
    try:
        server = Server(binaries.find(wish.version), home, settings.SERVER)
    except LmsschemaError as error:
        tried = f" ({why_no_container})" if why_no_container else ""
        raise LmsschemaError(
            f"no server for the tests: {error.message}{tried}", hint=error.hint
        ) from error
    home.mkdir(mode=0o711)  # fails if it exists
    server.start()
    url, origin = server.url("postgres"), f"an embedded PostgreSQL {wish.version}"
    return _note(run, RunningServer(ServerKind.EMBEDDED, url, origin, str(home)))


def _note(run: SuiteRun, server: RunningServer) -> RunningServer:
    """Record the server before and after its start, so that another process can stop it."""
    new = run.record.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(asdict(server)), "utf-8")
    new.replace(run.record)
    return server


def _noted(run: SuiteRun) -> RunningServer:
    found = json.loads(run.record.read_text("utf-8"))
    return RunningServer(**found | {"kind": ServerKind(found["kind"])})
