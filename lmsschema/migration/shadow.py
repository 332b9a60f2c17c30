"""Another server than the database's own, for what must not be done there."""

import contextlib
import os
from collections.abc import Iterator, Mapping

from lmsschema.database import sqlstate, throwaway
from lmsschema.database.connection import Database, connect
from lmsschema.database.target import Target, parse
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError


@contextlib.contextmanager
def server(url: str | None, why: str) -> Iterator[Database]:
    """Open the server that ``--shadow-url`` named, else the embedded one, started if need be.

    Args:
        url: What ``--shadow-url`` said, or None.
        why: What it is needed for, for the message.

    Raises:
        UsageError: ``url`` can't be understood.
        DatabaseUnavailableError: There is no such server.
    """
    with contextlib.ExitStack() as ends:
        if url is not None:
            target = Target(parse(url, "--shadow-url"), "--shadow-url")
        else:
            from lmsschema.local_server import embedded as local

            try:
                running = ends.enter_context(local.borrow(os.environ))
            except LmsschemaError as error:
                raise DatabaseUnavailableError(
                    f"{why}, and there is no embedded server: {error.message}",
                    hint=f"Name another server with --shadow-url, or: {error.hint}",
                ) from error
            where = f"embedded server in {running.home}"
            target = Target(running.conninfo, "embedded", label=where)
        opened = connect(target)
        ends.enter_context(contextlib.closing(opened.conn))
        with sqlstate.translated(target):
            yield opened


def embedded(environ: Mapping[str, str], schema: str | None = None) -> Target:
    """Return the database of the embedded server, which is started if need be.

    Raises:
        DatabaseUnavailableError: It can't be started.
    """
    from lmsschema.local_server import embedded as local

    running = local.ensure_running(environ)
    label = f"{local.DATABASE} on the embedded server in {running.home}"
    return Target(running.conninfo, "embedded", schema, label)


@contextlib.contextmanager
def database(place: Database, name: str) -> Iterator[Database]:
    """Create a database on that server, open it, and drop it at the end.

    Args:
        place: The server, as a role that may create databases.
        name: The database's name.
    """
    from psycopg import conninfo

    throwaway.create_empty(place.conn, name)
    try:
        made = conninfo.make_conninfo(place.target.conninfo, dbname=name)
        opened = connect(Target(made, place.target.source, label=place.target.label))
        with contextlib.closing(opened.conn):
            opened.conn.execute("SET synchronous_commit = off")  # it is dropped at the end
            yield opened
    finally:
        throwaway.drop(place.conn, name)
