"""Whether what has the name that a step wants is what the step makes; refused if it is not.

PostgreSQL is asked for both definitions in its own words: it explains a query that contains both,
which reads no row and changes nothing.
"""

import re
from typing import NoReturn

import psycopg
from psycopg import sql

from lmsschema.database.quoting import identifier
from lmsschema.errors import UnsafeError

_DEFAULT = re.compile(r"\s+DEFAULT\s+(?P<value>.+)\Z", re.IGNORECASE | re.DOTALL)
_NOT_NULL = re.compile(r"\s+NOT\s+NULL\b", re.IGNORECASE)


def refuse(what: str, found: str, wanted: str) -> NoReturn:
    """Raise UnsafeError: something else has the name of what a step makes.

    Args:
        what: The step's object, for messages.
        found: The definition that is there.
        wanted: The one that the step gives it.
    """
    raise UnsafeError(
        f"{what} is there already and is another one: {found}; wanted: {wanted}",
        hint="Nothing was changed by this step. Rename or drop it, then run the command again.",
        details={"found": found, "wanted": wanted},
    )


def same(conn: psycopg.Connection, table: str, first: str, second: str) -> bool:
    """Whether two expressions over the columns of a table are the same to PostgreSQL."""
    texts = _explained(conn, table, first, second)
    return texts is not None and texts[0] == texts[1]


def is_column(
    conn: psycopg.Connection, table: str, found: tuple[bool, str, str | None], wanted: str
) -> bool:
    """Whether a column has the type and the default that a definition says, and its NOT NULL.

    Args:
        conn: A connection in which names resolve.
        table: The column's table.
        found: Whether the column is NOT NULL, its type and its default, as the catalogs say.
        wanted: The definition: ``INTEGER NOT NULL DEFAULT 0``.
    """
    not_null, kind, value = found
    rest = _NOT_NULL.sub("", wanted)
    default = _DEFAULT.search(rest)
    wanted_type = rest[: default.start()] if default else rest
    wanted_value = f"CAST({default['value'] if default else 'NULL'} AS {wanted_type})"
    texts = _explained(
        conn,
        table,
        f"CAST(NULL AS {wanted_type})",
        f"CAST(NULL AS {kind})",
        wanted_value,
        f"CAST({value or 'NULL'} AS {kind})",
    )
    if texts is None or texts[0] != texts[1] or texts[2] != texts[3]:
        return False
    # a later step may have made it NOT NULL
    return not_null or _NOT_NULL.search(wanted) is None


def words(text: str) -> str:
    """Return a definition without quotes and parentheses, which PostgreSQL sets its own way."""
    return " ".join(re.sub(r'[\s()"]+', " ", text).lower().split())


def _explained(conn: psycopg.Connection, table: str, *expressions: str) -> list[str] | None:
    """Return expressions over a table as PostgreSQL writes them; None if it can't read them."""
    query = sql.SQL("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT {} FROM {} LIMIT 1").format(
        sql.SQL(", ").join(sql.SQL("({})").format(sql.SQL(one)) for one in expressions),
        identifier(table),
    )
    try:
        with conn.transaction():
            row = conn.execute(query).fetchone()
    except psycopg.errors.LockNotAvailable:
        raise
    except psycopg.Error:
        return None
    output = [] if row is None else row[0][0]["Plan"].get("Output", [])
    return [str(text) for text in output] if len(output) == len(expressions) else None
