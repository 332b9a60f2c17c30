"""Differences as a script for psql: statements that undo them, and what they can't."""

from collections.abc import Iterable

from psycopg import sql

from lmsschema.database.catalog import Catalog
from lmsschema.drift import fixes, text
from lmsschema.drift.compare import Difference


def render(
    differences: Iterable[Difference], expected: Catalog, found: Catalog, schema: str
) -> str:
    """Return the statements that undo the drift, each with its lock; what they can't is named.

    Args:
        differences: What :func:`lmsschema.drift.compare.compare` returned.
        expected: The objects that were expected.
        found: The database's objects.
        schema: The schema to work in.
    """
    lines = [
        sql.SQL("SET search_path TO {};").format(sql.Identifier(schema)).as_string(),
        "",
    ]
    patience = ""
    for difference in differences:
        place = text.printable(difference.identity.relation or "schema")
        lines.append(f"-- {place}: {text.describe(difference)}")
        way = fixes.find(difference, expected, found)
        if way.reason:
            lines.append(f"-- not undone: {way.reason}")
        for statement in way.statements:
            if statement.patience != patience:
                patience = statement.patience
                lines.append(f"SET lock_timeout TO '{patience}';")
            lines += [f"-- lock: {statement.lock}", f"{statement.sql};"]
        lines.append("")
    if not all(line.isascii() for line in lines):
        lines.insert(0, "SET client_encoding TO 'UTF8';")
    return "\n".join(lines).rstrip("\n")
