"""How many rows a statement reads, by the statistics of the database that it is meant for."""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.migration.retry import PASSING

#: As many rows as may be updated in one transaction: more keep other writers waiting for long.
MANY = 10_000


def rows(database: Database, statement: str) -> float | None:
    """Return how many rows PostgreSQL expects a statement to read; None if it can't be asked.

    It is explained, not run, in a read-only transaction, and sent in a way that takes one statement
    alone. What is no single statement, or names what only a pending revision makes, can't be
    explained.

    Args:
        database: The database with the rows.
        statement: An UPDATE, or what contains one.
    """
    try:
        with database.transaction(read_only=True) as conn:
            found = conn.execute(
                sql.SQL("EXPLAIN (FORMAT JSON) {}").format(sql.SQL(statement)), binary=True
            ).fetchone()
            nodes = [] if found is None else list(_nodes(found[0][0]["Plan"]))
            return sum(_read(conn, node) for node in nodes)
    except PASSING:
        raise
    except psycopg.Error:
        return None


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan."""
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _read(conn: psycopg.Connection, node: dict[str, Any]) -> float:
    """Return the rows that a node reads of a table: all of them, where it scans it."""
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return 0
    if node["Node Type"] != "Seq Scan":
        return float(node["Plan Rows"])
    row = conn.execute(
        "SELECT greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))"
        " FROM pg_catalog.pg_class AS c"
        " WHERE c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(%s))",
        [node["Relation Name"]],
    ).fetchone()
    return max(float(node["Plan Rows"]), 0.0 if row is None else float(row[0]))
