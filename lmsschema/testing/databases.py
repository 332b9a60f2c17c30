"""Databases for tests: made, handed out and dropped again, without two processes ever meeting.

Every process has a key of its own, in the names of its databases, and holds an advisory lock of
that key. `pg_locks` shows advisory locks of all databases, so any other process can tell a living
owner from a dead one, and drops what the dead one left.
"""

import itertools
import re
import secrets
from urllib.parse import quote, urlencode

from psycopg import conninfo, sql

from lmsschema import db
from lmsschema.target import Target

LOCK_CLASS = 0x6C6D73  # "lms"; the first half of the advisory locks' keys
_NAME = re.compile(r"lmsschema_test_([0-9a-f]{8})_\d+\Z")

_LIVING = sql.SQL(
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory'"
    " AND classid = {}::bigint::oid AND objid = {}::bigint::oid AND objsubid = 2 AND granted)"
)


class Databases:
    """The databases of one process on one server.

    Args:
        server: Connection string to a database of that server with the right to create others.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._conn = db.open_connection(Target(server, "the test server"))
        self._numbers = itertools.count(1)
        self._key = secrets.randbits(31)
        self._mine: set[str] = set()
        self._conn.execute("SET idle_session_timeout = 0")
        self._conn.execute(
            sql.SQL("SELECT pg_catalog.pg_advisory_lock({}, {})").format(LOCK_CLASS, self._key)
        )

    def create(self, template: str = "template0") -> str:
        """Create a database as a copy of ``template``; returns its name."""
        name = f"lmsschema_test_{self._key:08x}_{next(self._numbers)}"
        encoding = sql.SQL(" ENCODING 'UTF8'" if template == "template0" else "")
        self._mine.add(name)
        self._conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}{}").format(
                sql.Identifier(name), sql.Identifier(template), encoding
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Drop a database, with the connections that a test left open on it."""
        self._conn.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        self._mine.discard(name)

    def leave(self, name: str) -> None:
        """Leave a database to the user; a later process drops it, since its owner is gone."""
        self._mine.discard(name)

    def url(self, name: str) -> str:
        """Return the URL of a database of this server."""
        return url(self._server, name)

    def drop_of_the_dead(self) -> list[str]:
        """Drop what processes left behind that live no more; returns the names."""
        names = self._conn.execute("SELECT datname FROM pg_catalog.pg_database").fetchall()
        dropped = []
        for (name,) in names:
            match = _NAME.match(name)
            if match is None:
                continue
            row = self._conn.execute(_LIVING.format(LOCK_CLASS, int(match[1], 16))).fetchone()
            if row == (False,):
                self.drop(name)
                dropped.append(name)
        return dropped

    def close(self) -> None:
        """Drop what is left of this process's databases and let go of the server."""
        for name in sorted(self._mine):
            self.drop(name)
        self._conn.close()


def url(server: str, name: str) -> str:
    """Return the URL of database ``name`` on the server of a connection string.

    Everything but user, password and name goes into the query: sockets and several hosts have no
    other form that libpq and SQLAlchemy both read.
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
