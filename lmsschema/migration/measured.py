"""What is measured of a statement: tables as a transaction has them, and what was done to them."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as a transaction has it.

    Attributes:
        name: Its name.
        whole: The name of the table that it is a partition of, or its own.
        file: The number of the file that its rows are in.
        scans: How often the transaction has read all of it.
        columns: The numbers of its columns.
        modes: The locks on it.
        indexes: The names of its indexes.
    """

    name: str
    whole: str
    file: int | None
    scans: int
    columns: frozenset[int]
    modes: frozenset[str]
    indexes: frozenset[str]


Tables = Mapping[int, Table]


@dataclasses.dataclass(frozen=True)
class MeasuredStatement:
    """A statement and what it did to tables that were there before the plan's first revision.

    They go by the names that they had then; a partition counts as the table that it belongs to.

    Attributes:
        sql: Its text.
        locks: (table, mode as in pg_locks) that it took and its transaction did not hold yet.
        held: (table, mode) that its transaction held when it ended.
        scans: Tables whose rows it read, one after the other.
        rewrites: Tables whose rows it wrote anew.
        drops: Tables that it dropped, or dropped columns of.
        deletes: Tables that it deleted from, or truncated.
        updates: Tables that it updated.
    """

    sql: str
    locks: frozenset[tuple[str, str]]
    held: frozenset[tuple[str, str]]
    scans: frozenset[str]
    rewrites: frozenset[str]
    drops: frozenset[str]
    deletes: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
