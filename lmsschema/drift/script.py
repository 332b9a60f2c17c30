"""Differences as a script for psql: statements that undo them, and what they can't."""

from collections.abc import Sequence

from psycopg import sql

from lmsschema.database.catalog import Catalog
from lmsschema.database.quoting import identifier
from lmsschema.ddl.statement import with_timeouts
from lmsschema.drift import fixes, text
from lmsschema.drift.compare import Difference


def render(
    differences: Sequence[Difference], expected: Catalog, found: Catalog, schema: str
) -> str:
    """Return the statements that undo the drift, each with its lock; what they can't is named.

    Args:
        differences: What :func:`lmsschema.drift.compare.compare` returned.
        expected: The objects that were expected.
        found: The database's objects.
        schema: The schema to work in, in which what PostgreSQL printed is read again.
    """
    lines = [sql.SQL("SET search_path TO {};").format(identifier(schema)).as_string(), ""]
    timeout = ""
    plan = fixes.plan(differences, expected, found, schema)
    for difference, fix in fixes.in_order(differences, plan):
        place = text.printable(difference.identity.relation or "schema")
        lines.append(f"-- {place}: {text.describe(difference)}")
        if fix.reason:
            lines.append(f"-- not undone: {fix.reason}")
        lines += with_timeouts(fix.statements, timeout, locks=True)
        timeout = fix.statements[-1].lock_timeout if fix.statements else timeout
        lines.append("")
    if not all(line.isascii() for line in lines):
        lines.insert(0, "SET client_encoding TO 'UTF8';")
    return "\n".join(lines).rstrip("\n")
