"""Names and string constants as SQL."""

import re
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from lmsschema.database.catalog import Value

_PLAIN = re.compile(r"[a-z_]+_[a-z0-9_]*")
_RESERVED = {
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "session_user",
    "system_user",
}


def identifier(name: str) -> sql.SQL | sql.Identifier:
    """Return a name as SQL, quoted only if necessary, so that scripts are easy to read."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return sql.SQL(name)
    return sql.Identifier(name)


def literal(value: "Value") -> sql.Composable:
    """Return a value as an SQL string constant; None as NULL."""
    return sql.SQL("NULL") if value is None else sql.Literal(str(value))
