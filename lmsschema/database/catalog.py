"""A schema as PostgreSQL's catalogs describe it: plain data, in PostgreSQL's own words.

Nothing here parses SQL. Definitions are what ``pg_get_indexdef`` and its like print while the
``search_path`` holds the schema, and after it those of the database's extensions, so that neither
these schemas' names nor an OID is in them and the catalogs of two schemas, databases or servers can
be compared.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import sql

from lmsschema.database import settings
from lmsschema.database.queries import query
from lmsschema.errors import DatabaseUnavailableError

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]

#: lmsschema/sql/<name>.sql; the last adds owner and grants to what the others found.
_QUERIES = (
    "catalog_relations",
    "catalog_columns",
    "catalog_indexes",
    "catalog_constraints",
    "catalog_rules",
    "catalog_types",
    "catalog_routines",
    "catalog_others",
    "catalog_grants",
)

#: How long to wait for a table that somebody else holds ACCESS EXCLUSIVE.
LOCK_TIMEOUT = "5s"

#: A table dropped while its definition was being read.
_GONE_MEANWHILE = (psycopg.errors.InternalError_, psycopg.errors.UndefinedTable)
_ATTEMPTS = 5


class Identity(NamedTuple):
    """What an object is called.

    Attributes:
        relation: The table (view, sequence …) that it is or belongs to; "" for types, functions
            and the schema itself.
        kind: What it is: ``table``, ``column``, ``index``, ``enum`` …
        name: Its own name; of what a partition has from its parent, the name on the parent.
    """

    relation: str
    kind: str
    name: str


@dataclasses.dataclass(frozen=True)
class Catalog:
    """All objects of a schema.

    Attributes:
        version: The server's major version.
        role: The role that read it.
        objects: Each object's attributes, under names for people, with what PostgreSQL prints.
    """

    version: int
    role: str
    objects: Mapping[Identity, Attributes]

    def relations(self) -> set[str]:
        """Return the names of the tables, partitions, views and free sequences."""
        return {identity.relation for identity in self.objects} - {""}


def read(conn: psycopg.Connection, schema: str) -> Catalog:
    """Return what the catalogs say of a schema, in one consistent order and one round trip.

    Only reads, takes no lock on a table, and leaves the session and an open transaction's settings
    as they were. Any role may that has USAGE on the schema.

    Raises:
        DatabaseUnavailableError: There is no such schema, or the role may not use it.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _read(conn, schema)
        except _GONE_MEANWHILE:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError  # pragma: no cover -- the loop returns or raises


def _read(conn: psycopg.Connection, schema: str) -> Catalog:
    objects: dict[Identity, dict[str, Value]] = {}
    # rolled back, so that the settings end with it even inside the caller's transaction
    with conn.transaction(force_rollback=True):
        _, _, [(current, role)], *results = _results(conn.execute(_script(schema)))
    if current != schema:
        raise _no_usage(conn, schema)
    for rows in results[:-1]:
        for relation, kind, name, attributes in rows:
            identity = Identity(relation, kind, name)
            while identity in objects:  # a partition's own object named as one of its parent's
                identity = identity._replace(name=identity.name + " (own)")
            objects[identity] = attributes
    for relation, kind, name, attributes in results[-1]:
        known = objects.get(Identity(relation, kind, name))
        if known is not None:
            known.update(attributes)
    return Catalog(conn.info.server_version // 10000, role, objects)


def _script(schema: str) -> sql.Composed:
    """Return the statements that read everything.

    Each query is parsed while only pg_catalog is searched, so that no function or operator of the
    schema can stand in for one of PostgreSQL's, and run once the schema is what names resolve in.
    """
    statements: list[sql.Composable] = [
        settings.local(
            # all rows of every cursor are fetched
            {"lock_timeout": LOCK_TIMEOUT, "search_path": "", "cursor_tuple_fraction": "1"}
        )
    ]
    statements.extend(
        sql.SQL("DECLARE {} NO SCROLL CURSOR FOR {}").format(
            sql.Identifier(name), query(f"database/{name}")
        )
        for name in _QUERIES
    )
    path = query("database/extension_path").as_string().replace("%(schema)s", "{schema}")
    statements.append(sql.SQL(path).format(schema=schema))
    statements.append(sql.SQL("SELECT pg_catalog.current_schema(), current_user"))
    statements.extend(
        sql.SQL("FETCH ALL FROM {}").format(sql.Identifier(name)) for name in _QUERIES
    )
    return sql.SQL(";\n").join(statements)


def _results(cursor: psycopg.Cursor[Any]) -> list[list[Any]]:
    """Return the rows of each statement that has rows, but for the settings."""
    found: list[list[Any]] = []
    while True:
        if cursor.description is not None:
            found.append(cursor.fetchall())
        if not cursor.nextset():
            return found


def _no_usage(conn: psycopg.Connection, schema: str) -> DatabaseUnavailableError:
    """Return the error for a schema in which nothing can be found."""
    row = conn.execute(
        "SELECT current_user FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]
    ).fetchone()
    if row is None:
        return DatabaseUnavailableError(f"there is no schema {schema} in {conn.info.dbname}")
    grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
        sql.Identifier(schema), sql.Identifier(row[0])
    )
    return DatabaseUnavailableError(
        f"role {row[0]} may not use schema {schema} of {conn.info.dbname}",
        hint=f"A superuser or the owner can run: {grant.as_string()};",
    )
