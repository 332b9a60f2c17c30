"""A scratch schema: a place where PostgreSQL builds something that is read and never kept."""

import contextlib
import secrets
from collections.abc import Iterator

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database, create_schema, settings
from lmsschema.database.queries import query

#: Whatever a role or a database may have set that would change what DDL makes.
_BUILDING = sql.SQL(
    "SET LOCAL default_tablespace = ''; "
    "SET LOCAL default_table_access_method = heap; "
    "SET LOCAL check_function_bodies = off"
)


@contextlib.contextmanager
def schema(database: Database) -> Iterator[str]:
    """Open a transaction with a new schema in which names resolve; yields the schema's name.

    After it those of the database's extensions are searched, for their types and operators.

    The transaction is rolled back at the end. Nothing of it is ever visible to others, and it
    locks nothing outside of the schema. Needs the right to create schemas in the database.
    """
    database.conn.read_only = None
    with database.conn.transaction(force_rollback=True):
        yield create(database.conn)


def create(conn: psycopg.Connection) -> str:
    """Make a scratch schema in the open transaction, to be rolled back; returns its name."""
    name = f"lmsschema_scratch_{secrets.token_hex(8)}"
    conn.execute(create_schema(name))
    conn.execute(settings(name))
    conn.execute(_BUILDING)
    conn.execute(query("database/extension_path"), {"schema": name})
    return name
