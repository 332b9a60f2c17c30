"""How far the removal of a label is, and what forbids it: read from the catalogs."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import rows, sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl.index import Index
from lmsschema.ddl.partitioned_index import PartitionedIndex
from lmsschema.ddl.rules import Rule
from lmsschema.errors import UnsafeError


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the enum, and the one that is to take its place."""

    name: str
    new: str
    not_null: bool
    has_new: bool

    def differs(self) -> sql.Composed:
        """Return the condition of the rows in which the new one is not what the old one is."""
        return sql.SQL("{}::text IS DISTINCT FROM {}::text").format(
            sql.Identifier(self.new), sql.Identifier(self.name)
        )

    def agrees(self) -> sql.Composed:
        """Return the condition that each row has to keep; that of NOT NULL can be read from it."""
        names = {"new": sql.Identifier(self.new), "old": sql.Identifier(self.name)}
        if self.not_null:
            return sql.SQL("{new} IS NOT NULL AND {new}::text = {old}::text").format(**names)
        return sql.SQL("{new}::text IS NOT DISTINCT FROM {old}::text").format(**names)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table with columns of the enum.

    Attributes:
        name: The table.
        is_partitioned: Whether it has partitions.
        check: The name of the CHECK that old and new columns agree.
        guard: The name of the function and, after a tilde, the trigger that have each row that is
            written agree.
        is_guarded: Whether the trigger and the CHECK are there.
        new_type: The new columns' type.
        columns: The columns, in their order.
    """

    name: str
    is_partitioned: bool
    check: str
    guard: str
    is_guarded: bool
    new_type: str
    columns: tuple[Column, ...]

    @property
    def trigger(self) -> str:
        """The trigger's name: triggers fire in the order of their names, this one last."""
        return f"~{self.guard}"

    @property
    def is_expanded(self) -> bool:
        """Whether the new columns are there, and guarded."""
        return self.is_guarded and all(column.has_new for column in self.columns)

    @property
    def values(self) -> sql.Composed:
        """What the new columns are to have, as in UPDATE."""
        return sql.SQL(", ").join(
            sql.SQL("{} = {}::text::{}").format(
                sql.Identifier(column.new),
                sql.Identifier(column.name),
                sql.Identifier(self.new_type),
            )
            for column in self.columns
        )

    @property
    def differs(self) -> sql.Composed:
        """The condition of the rows that are to be filled."""
        return sql.SQL(" OR ").join(column.differs() for column in self.columns)

    @property
    def agreement(self) -> Rule:
        """The rule that the CHECK enforces."""
        return Rule(self.check, self.name, self.differs.as_string())


def tables(conn: psycopg.Connection, enum: str) -> list[Table]:
    """Return the tables that have columns of an enum."""
    found = _read(conn, "label_columns", type=enum)
    by_table = itertools.groupby(found, lambda row: row["table_name"])
    return [_table(list(columns)) for _, columns in by_table]


def _table(columns: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of its rows of label_columns.sql."""
    first = columns[0]
    return Table(
        first["table_name"],
        first["is_partitioned"],
        first["check_name"],
        first["guard"],
        first["is_guarded"],
        first["new_type"],
        tuple(
            Column(one["column_name"], one["new_column"], one["not_null"], one["has_new"])
            for one in columns
        ),
    )


def new_type(conn: psycopg.Connection, enum: str) -> str:
    """Return the name of the enum that is to take the place of this one.

    Raises:
        UnsafeError: There is no such enum.
    """
    row = conn.execute(query("ddl/label_type"), {"type": enum}).fetchone()
    if row is None:
        raise UnsafeError(
            f"there is no enum {enum}", hint="The database is not what its revision says."
        )
    return str(row[0])


def indexes(conn: psycopg.Connection, enum: str) -> list[Index | PartitionedIndex]:
    """Return the indexes on the new columns, as they are to be built."""
    return [
        (PartitionedIndex if one["is_partitioned"] else Index)(
            one["new_index"], one["table_name"], one["new_keys"]
        )
        for one in _read(conn, "label_indexes", type=enum)
    ]


def refuse_dependents(conn: psycopg.Connection, enum: str, label: str) -> None:
    """Raise if something depends on the enum or its columns that would not be carried over.

    Raises:
        UnsafeError: Names each, or the first ones of many.
    """
    found = [one["what"] for one in _read(conn, "label_dependents", type=enum, label=label)]
    names: dict[tuple[object, ...], str] = {}
    for one in _read(conn, "label_indexes", type=enum):
        if not one["plain"]:
            found.append(f"index {one['index_name']}, which is no plain B-tree of columns")
        elif one["is_partitioned"]:
            # PartitionedIndex names those of the partitions after their columns
            words = tuple(key.split()[0] for key in one["new_keys"].split(", "))
            other = names.setdefault((one["table_name"], *words), one["index_name"])
            if other != one["index_name"]:
                found.append(f"index {one['index_name']}, of the same columns as {other}")
    if found:
        raise UnsafeError(
            f"label {label} of {enum} can't be removed, as this would be lost or is in the way: "
            + "; ".join(found),
            hint="Drop or change it before, in a revision of its own, and make it again after.",
            details={"dependents": found},
        )


def swap(conn: psycopg.Connection, enum: str) -> list[str]:
    """Return the statements that put the new columns, indexes and enum into the old ones' places.

    They are for the session's own settings: names are without the schema that they resolve in.
    """
    found = _read(conn, "label_swap", type=enum)
    return [one["statement"] for one in sorted(found, key=lambda one: one["number"])]


def script(enum: str, label: str) -> str:
    """Return a statement that removes a label, all at once, from whatever tables it finds."""
    return _text("label_removal", type=enum, label=label).as_string()


def _read(conn: psycopg.Connection, name: str, **values: str) -> list[dict[str, Any]]:
    """Return the rows of a query; as SELECT, by which ``plan`` knows that it only reads."""
    whole = sql.SQL("SELECT * FROM (\n{}\n) AS found").format(_text(name, **values))
    with conn.cursor(row_factory=rows.dict_row) as cursor:
        return cursor.execute(whole).fetchall()


#: Queries that stand in others, under these names.
_PARTS = {
    "columns": "label_columns",
    "indexes": "label_indexes",
    "dependents": "label_dependents",
    "labels": "step_labels",
    "script": "label_script",
    "swap": "label_swap",
}


def _text(name: str, **values: str) -> sql.SQL:
    """Return a query with others and with values in it; a script has no parameters."""
    text = query(name).as_string().rstrip("\n")
    for part, file in _PARTS.items():
        if f"%({part})s" in text:
            text = text.replace(f"%({part})s", _text(file, **values).as_string())
    for key, value in values.items():
        text = text.replace(f"%({key})s", sql.Literal(value).as_string())
    return sql.SQL(text)


def condition(column: str, label: str) -> str:
    """Return the condition of the rows that use the label.

    As text: no error, should a run that was killed have ended on the server meanwhile.
    """
    return sql.SQL("{}::text = {}").format(identifier(column), sql.Literal(label)).as_string()
