"""Databases for tests, each used by one process only."""

import itertools
from urllib.parse import quote, urlencode

from psycopg import conninfo, sql

from lmsschema.createdb import templates
from lmsschema.database import throwaway
from lmsschema.database.session import open_connection, require_direct
from lmsschema.database.target import Target

PREFIX = "lmsschema_test_"
"""The beginning of the names of all test databases."""


class Databases:
    """The databases of one process on one server.

    Args:
        server: Connection string to a database of the server, for a role with CREATEDB.

    Raises:
        DatabaseUnavailableError: The server is behind a pooler.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        target = Target(server, "the test server")
        self._conn = open_connection(target)
        require_direct(self._conn, target, "making databases for tests")
        self._key = throwaway.take(self._conn)
        self._numbers = itertools.count(1)
        self._mine: set[str] = set()
        self._strategy = templates.strategy(self._conn)

    def create(self, template: str = "template0") -> str:
        """Create a database as a copy of ``template``; return its name."""
        name = throwaway.name(PREFIX, self._key, next(self._numbers))
        self._mine.add(name)
        if template == "template0":
            throwaway.create_empty(self._conn, name)
            return name
        self._conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
                sql.Identifier(name), sql.Identifier(template), self._strategy
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Drop a database, and end connections that a test left open."""
        throwaway.drop(self._conn, name)
        self._mine.discard(name)

    def leave(self, name: str) -> None:
        """Keep a database beyond this process, for the user; a later process drops it."""
        self._mine.discard(name)

    def url(self, name: str) -> str:
        """Return the URL of a database of this server."""
        return url(self._server, name)

    def drop_orphans(self) -> None:
        """Drop the databases of processes that have ended."""
        throwaway.drop_orphans(self._conn, PREFIX)

    def close(self) -> None:
        """Drop the remaining databases of this process, and close the connection."""
        for name in sorted(self._mine):
            self.drop(name)
        self._conn.close()


def url(server: str, name: str) -> str:
    """Return the URL of database ``name`` on the server of a connection string.

    All parameters but user, password and name are in the URL's query: for sockets and several hosts
    that is the only form that both libpq and SQLAlchemy accept.
    """
    parameters = {
        key: str(value)
        for key, value in conninfo.conninfo_to_dict(server).items()
        if value is not None
    }
    login = quote(parameters.pop("user", ""), safe="")
    if "password" in parameters:
        login += ":" + quote(parameters.pop("password"), safe="")
    parameters.pop("dbname", None)
    query = urlencode(parameters, quote_via=quote)
    return f"postgresql://{login}{'@' if login else ''}/{quote(name, safe='')}?{query}"
