"""Differences as a script for psql: the statements that fix them."""

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
    """Return the statements that fix the drift, each with its lock in a comment.

    A difference without a fix is a comment with the reason.

    Args:
        differences: The differences that :func:`lmsschema.drift.compare.compare` returned.
        expected: The declared objects.
        found: The database's objects.
        schema: The schema to work in: the script sets search_path to it.
    """
    lines = [sql.SQL("SET search_path TO {};").format(identifier(schema)).as_string(), ""]
    timeout = ""
    plan = fixes.plan(differences, expected, found, schema)
    for difference, fix in fixes.in_order(differences, plan):
        place = text.printable(difference.identity.relation or "schema")
        lines.append(f"-- {place}: {text.describe(difference)}")
        if fix.reason:
            lines.append(f"-- not fixed: {fix.reason}")
        lines += with_timeouts(fix.statements, timeout, locks=True)
        timeout = fix.statements[-1].lock_timeout if fix.statements else timeout
        lines.append("")
    if not all(line.isascii() for line in lines):
        lines.insert(0, "SET client_encoding TO 'UTF8';")
    return "\n".join(lines).rstrip("\n")
