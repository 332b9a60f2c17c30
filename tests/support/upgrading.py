"""An upgrade without a look for hazards beforehand; rows for all tables, and what there are."""

import functools
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import revisions, runner
from lmsschema.migration import upgrade as migration_upgrade

Contents = dict[str, tuple[int, int | None]]

#: What ``upgrade`` does but for measuring locks, which takes seconds: that has tests of its own.
unmeasured = functools.partial(
    migration_upgrade.upgrade,
    allow=("unmeasured",),
    shadow_url="postgresql://127.0.0.1:1/none",
)

FILL = Path(__file__).with_name("filled.sql").read_text("utf-8")


def upgrade(database: Database) -> None:
    """Bring a database to head as ``upgrade`` does, without looking for hazards beforehand."""
    with run_lock.hold(Context(database)):
        steps = revisions.ids()[revisions.position(current(database)) :]
        if steps:
            runner.run(database, "upgrade", steps, lambda _: None)


def current(database: Database) -> str | None:
    """Return the revision of a database that has a version table."""
    with database.transaction(read_only=True) as conn:
        row = conn.execute(query("migration/version")).fetchone()
    return None if row is None else str(row[0])


def columns(url: str) -> dict[str, list[str]]:
    """Return the names of each table's columns."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)"
            " FROM pg_class AS c INNER JOIN pg_attribute AS a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
            " AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1"
        ).fetchall()
    return dict(rows)


def contents(url: str, known: dict[str, list[str]] | None = None) -> Contents:
    """Return how many rows each table has and a sum of their hashes, the version's among them.

    Args:
        url: The database.
        known: The tables and columns to read; all of them unless given.
    """
    tables = columns(url) if known is None else known
    if not tables:
        return {}
    one = sql.SQL("SELECT {}, count(*), sum(hashtextextended(ROW({})::text, 0)) FROM {}")
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            sql.SQL(" UNION ALL ").join(
                one.format(name, sql.SQL(", ").join(map(sql.Identifier, of)), sql.Identifier(name))
                for name, of in tables.items()
            )
        )
        return {name: (count, hashes) for name, count, hashes in rows}
