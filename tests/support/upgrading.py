"""An upgrade without a look for hazards beforehand; rows for all tables, and what there are."""

from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import revisions, runner

Contents = dict[str, tuple[int, int | None]]

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


def contents(url: str) -> Contents:
    """Return how many rows each table has and a sum of their hashes, the version's among them."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall()
        if not tables:
            return {}
        one = sql.SQL("SELECT {}, count(*), sum(hashtextextended(t::text, 0)) FROM {} AS t")
        rows = conn.execute(
            sql.SQL(" UNION ALL ").join(
                one.format(sql.Literal(name), sql.Identifier(name)) for (name,) in tables
            )
        )
        return {name: (count, hashes) for name, count, hashes in rows}
