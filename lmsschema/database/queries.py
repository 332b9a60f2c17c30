"""The queries in files: ``lmsschema/sql/<room>/<question>.sql``.

Parts that several queries share are in ``lmsschema/sql/shared/``. A query contains such a part as a
call, such as ``schema_oid(%(schema)s)``: the text of the file, in parentheses, takes the call's
place. Each file begins with a comment that lists the parameters.
"""

import functools
import re
from pathlib import Path

from psycopg import sql

_FOLDER = Path(__file__).parents[1] / "sql"

#: The arguments of a call; one may itself contain parentheses.
_ARGUMENTS = r"\(((?:[^()]|\([^()]*\))*)\)"
_PARAMETERS = re.compile(r"-- \w+\(([\w, ]*)\):")
_PARAMETER = re.compile(r"%\((\w+)\)s")

#: The identities of the queries that were read; they live as long as the process.
_asked: set[int] = set()


@functools.cache
def query(name: str) -> sql.SQL:
    """Return the text of ``lmsschema/sql/<name>.sql``, with the shared parts in it.

    Args:
        name: Room and question, such as ``locks/blockers``.
    """
    found = sql.SQL(_calls().sub(_shared, _text(name)))
    _asked.add(id(found))
    return found


def is_one(statement: sql.SQL) -> bool:
    """Whether a statement is one that :func:`query` has returned."""
    return id(statement) in _asked


@functools.cache
def _calls() -> re.Pattern[str]:
    """Return the pattern of calls of shared parts."""
    names = "|".join(path.stem for path in (_FOLDER / "shared").glob("*.sql"))
    return re.compile(rf"\b({names}){_ARGUMENTS}")


def _shared(call: re.Match[str]) -> str:
    """Return a shared part with the arguments of a call."""
    text = _text(f"shared/{call[1]}")
    parameters = _PARAMETERS.match(text)
    names = parameters[1].split(", ") if parameters else []
    arguments = dict(zip(names, call[2].split(", "), strict=True))
    return f"({_PARAMETER.sub(lambda found: arguments[found[1]], text)})"


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text("utf-8")
