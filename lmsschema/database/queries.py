"""The queries that stand in files of their own: ``lmsschema/sql/<room>/<question>.sql``."""

import functools
from pathlib import Path

from psycopg import sql

_FOLDER = Path(__file__).parents[1] / "sql"


@functools.cache
def query(name: str) -> sql.SQL:
    """Return the text of ``lmsschema/sql/<name>.sql``.

    Args:
        name: Room and question, as ``locks/blockers``.
    """
    return sql.SQL((_FOLDER / f"{name}.sql").read_text("utf-8"))
