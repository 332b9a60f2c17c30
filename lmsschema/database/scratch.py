"""A scratch schema, in which PostgreSQL builds objects that are read and rolled back."""

import contextlib
import secrets
from collections.abc import Iterator

import psycopg

from lmsschema.database import settings
from lmsschema.database.connection import Database, create_schema
from lmsschema.database.queries import query


@contextlib.contextmanager
def schema(database: Database) -> Iterator[str]:
    """Open a transaction with a new schema as its search_path; yields the schema's name.

    The schemas of the database's extensions follow in search_path, for their types and operators.

    The transaction is rolled back at the end. Other sessions never see its objects, and it locks
    nothing outside of the schema. Needs CREATE on the database.
    """
    with database.conn.transaction(force_rollback=True):
        yield create(database.conn)


def create(conn: psycopg.Connection) -> str:
    """Create a scratch schema in the open transaction, which the caller rolls back.

    Returns:
        The schema's name.
    """
    name = f"lmsschema_scratch_{secrets.token_hex(8)}"
    conn.execute(create_schema(name))
    conn.execute(settings.of_transaction(name))
    conn.execute("SET LOCAL check_function_bodies = off")
    conn.execute(query("database/extension_path"), {"schema": name})
    return name
