"""The queries that stand in files of their own: ``lmsschema/sql/<room>/<question>.sql``."""

import functools
import re
from pathlib import Path

from psycopg import sql

_FOLDER = Path(__file__).parents[1] / "sql"
_SETTABLE = re.compile(r"\b(settable_\w+)\(([\w.]+)\)")

#: The identities of those that were read, which live as long as the process.
_asked: set[int] = set()


@functools.cache
def query(name: str) -> sql.SQL:
    """Return the text of ``lmsschema/sql/<name>.sql``.

    In it ``settable_…(column)`` stands for the query ``database/settable_….sql`` about the column's
    options: what a server keeps among them for itself is neither compared nor copied.

    Args:
        name: Room and question, as ``locks/blockers``.
    """
    found = sql.SQL(_SETTABLE.sub(_settable, _text(name)))
    _asked.add(id(found))
    return found


def is_one(statement: sql.SQL) -> bool:
    """Whether a statement is one that :func:`query` has returned."""
    return id(statement) in _asked


def _settable(found: re.Match[str]) -> str:
    return f"({_text(f'database/{found[1]}').replace('(options)', f'({found[2]})')})"


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8")
