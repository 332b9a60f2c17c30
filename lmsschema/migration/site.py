"""What a database has that no revision made, given to the scratch copy: columns, indexes, keys.

A statement that rewrites a column rebuilds an index that a site added itself, too.
"""

import hashlib
from typing import LiteralString

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query


def copy(database: Database, scratch: Database) -> list[tuple[str, str]]:
    """Give a scratch copy what the database has besides; return what it can't have.

    Args:
        database: The database.
        scratch: A database with the schema of the same revision, and no rows.

    Returns:
        The table and the statement of each object that could not be made: of a type or an operator
        class that the other server does not have.
    """
    failed = []
    for table, name, statement in _lacking(database, scratch, "migration/site_columns"):
        made = sql.SQL("CREATE TABLE IF NOT EXISTS {}()").format(sql.Identifier(table))
        column = sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
            sql.Identifier(table), sql.Identifier(name), sql.SQL(statement)
        )
        failed += _run(scratch, table, sql.SQL("; ").join([made, column]))
    for table, _, statement in _lacking(database, scratch, "migration/site_objects"):
        failed += _run(scratch, table, sql.SQL(statement))
    return failed


def digest(database: Database) -> str:
    """Return a digest of what :func:`copy` looks at: of two equal ones it makes the same."""
    found = []
    with database.transaction(read_only=True) as conn:
        for asked in ("migration/site_columns", "migration/site_objects"):
            found += sorted(map(repr, conn.execute(query(asked))))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _lacking(
    database: Database, scratch: Database, asked: LiteralString
) -> list[tuple[str, str, LiteralString]]:
    """Return the rows of a query whose first two columns the scratch copy does not have."""
    with scratch.transaction(read_only=True) as conn:
        there = {row[:2] for row in conn.execute(query(asked))}
    with database.transaction(read_only=True) as conn:
        return [row[:3] for row in conn.execute(query(asked)) if row[:2] not in there]


def _run(scratch: Database, table: str, statement: sql.SQL | sql.Composed) -> list[tuple[str, str]]:
    """Run a statement; return it with its table if it fails."""
    try:
        with scratch.transaction() as conn:
            conn.execute(statement)
    except psycopg.Error:
        return [(table, statement.as_string())]
    return []
