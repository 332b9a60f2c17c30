"""A scratch schema: a place where PostgreSQL builds something that is read and never kept."""

import contextlib
import secrets
from collections.abc import Iterator

import psycopg

from lmsschema.database import settings
from lmsschema.database.connection import Database, create_schema
from lmsschema.database.queries import query


@contextlib.contextmanager
def schema(database: Database) -> Iterator[str]:
    """Open a transaction with a new schema in which names resolve; yields the schema's name.

    After it those of the database's extensions are searched, for their types and operators.

    The transaction is rolled back at the end. Nothing of it is ever visible to others, and it
    locks nothing outside of the schema. Needs the right to create schemas in the database.
    """
    with database.conn.transaction(force_rollback=True):
        yield create(database.conn)


def create(conn: psycopg.Connection) -> str:
    """Make a scratch schema in the open transaction, to be rolled back; returns its name."""
    name = f"lmsschema_scratch_{secrets.token_hex(8)}"
    conn.execute(create_schema(name))
    conn.execute(settings.of_transaction(name))
    conn.execute("SET LOCAL check_function_bodies = off")
    conn.execute(query("database/extension_path"), {"schema": name})
    return name
