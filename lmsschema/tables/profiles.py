"""Index profiles: which of the declared indexes a database has, and how full its pages are written.

``faithful`` is the guide's set and the default; ``lean`` is what the statements of an LMS were
measured to need. An index says in its ``info`` if only one profile has it, a table which fillfactor
a profile gives it. ``create_all`` makes the guide's.
"""

from collections.abc import Iterable

from sqlalchemy import Index, Table

from lmsschema.names import FAITHFUL, PROFILES


def has(index: Index, profile: str) -> bool:
    """Whether a profile has an index: one that names no profile is in all."""
    return profile in index.info.get("profiles", PROFILES)


def indexes(table: Table, profile: str) -> list[Index]:
    """Return the indexes of a table that a profile has, by their names."""
    found = [index for index in table.indexes if has(index, profile)]
    return sorted(found, key=lambda index: str(index.name))


def fillfactor(table: Table, profile: str) -> int | None:
    """Return how full the pages of a table are written, in percent; None: PostgreSQL's default."""
    wanted: dict[str, int] = table.info.get("fillfactor", {})
    return wanted.get(profile)


def listen(tables: Iterable[Table]) -> None:
    """Have ``create_all`` leave out the indexes that the default profile does not have."""
    for table in tables:
        for index in table.indexes:
            if not has(index, FAITHFUL):
                index.ddl_if(callable_=_never)


def _never(*_: object, **__: object) -> bool:
    return False
