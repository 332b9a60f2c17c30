"""A schema as PostgreSQL's catalogs describe it, as plain data.

Nothing here parses SQL. Definitions are printed by ``pg_get_indexdef`` and similar functions while
``search_path`` contains the schema, followed by the schemas of the database's extensions. So they
contain neither these schemas' names nor OIDs, and the catalogs of two schemas, databases or servers
can be compared.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import sql

from lmsschema.database import settings
from lmsschema.database.queries import query
from lmsschema.errors import DatabaseUnavailableError

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]

#: lmsschema/sql/database/<name>.sql. The last one adds owner and grants to the others' objects.
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

#: How long to wait for a table that another session has locked in ACCESS EXCLUSIVE mode.
LOCK_TIMEOUT = "5s"

#: Raised if a table is dropped while its definition is being read.
_GONE_MEANWHILE = (psycopg.errors.InternalError_, psycopg.errors.UndefinedTable)
_ATTEMPTS = 5


class Identity(NamedTuple):
    """The name and kind of an object.

    Attributes:
        relation: The table (view, sequence …) that the object is or belongs to; "" for types,
            functions and the schema itself.
        kind: The kind of object: ``table``, ``column``, ``index``, ``enum`` …
        name: The object's name. For an object that a partition inherits (an index, a constraint),
            the name of the parent's object.
    """

    relation: str
    kind: str
    name: str


@dataclasses.dataclass(frozen=True)
class Catalog:
    """All objects of a schema.

    Attributes:
        version: The server's major version.
        role: The role that read the catalogs.
        objects: The attributes of each object: what PostgreSQL prints, under readable names.
    """

    version: int
    role: str
    objects: Mapping[Identity, Attributes]

    def relations(self) -> set[str]:
        """Return the names of the tables, partitions, views and sequences without an owner."""
        return {identity.relation for identity in self.objects} - {""}

    @functools.cached_property
    def whole(self) -> frozenset[str]:
        """The names of the tables, types and whatever else belongs to no table."""
        return frozenset(one.name for one in self.objects if one.relation in {"", one.name})


def read(conn: psycopg.Connection, schema: str, *, lock_timeout: str = LOCK_TIMEOUT) -> Catalog:
    """Read the catalogs of a schema, in one round trip.

    Holds ACCESS SHARE while it reads, and restores the settings of the session or of the open
    transaction. Needs only USAGE on the schema.

    Args:
        conn: The connection.
        schema: The schema's name.
        lock_timeout: How long to wait for a table that another session has locked exclusively.

    Returns:
        The schema's objects, in a stable order.

    Raises:
        DatabaseUnavailableError: There is no such schema, or the role may not use it.
        psycopg.errors.LockNotAvailable: A table was locked exclusively for longer than the timeout.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _read(conn, schema, lock_timeout)
        except _GONE_MEANWHILE:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError  # pragma: no cover -- the loop returns or raises


def _read(conn: psycopg.Connection, schema: str, lock_timeout: str) -> Catalog:
    objects: dict[Identity, dict[str, Value]] = {}
    # rolled back, so that its settings end with it, also within a transaction of the caller
    with conn.transaction(force_rollback=True):
        _, _, [(current, role)], *results = _results(conn.execute(_script(schema, lock_timeout)))
    if current != schema:
        raise _no_usage(conn, schema)
    for rows in results[:-1]:
        for relation, kind, name, attributes in rows:
            identity = Identity(relation, kind, name)
            while identity in objects:  # a partition's own object with the name of an inherited one
                identity = identity._replace(name=identity.name + " (own)")
            objects[identity] = attributes
    for relation, kind, name, attributes in results[-1]:
        known = objects.get(Identity(relation, kind, name))
        if known is not None:
            known.update(attributes)
    return Catalog(conn.info.server_version // 10000, role, objects)


def _script(schema: str, lock_timeout: str) -> sql.Composed:
    """Return the statements that read all catalogs.

    Each query is parsed while ``search_path`` is empty, so that no function or operator of the
    schema can replace one of PostgreSQL's. It is executed after ``search_path`` is set to the
    schema.
    """
    statements: list[sql.Composable] = [
        settings.local(
            # all rows of every cursor are fetched: plan for that
            {"lock_timeout": lock_timeout, "search_path": "", "cursor_tuple_fraction": "1"}
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
    """Return the rows of each statement that returns rows."""
    found: list[list[Any]] = []
    while True:
        if cursor.description is not None:
            found.append(cursor.fetchall())
        if not cursor.nextset():
            return found


def _no_usage(conn: psycopg.Connection, schema: str) -> DatabaseUnavailableError:
    """Return the error for a schema that does not exist or that the role may not use."""
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
