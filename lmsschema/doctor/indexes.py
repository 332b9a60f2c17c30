"""Findings about indexes: invalid, redundant or unused ones, and foreign keys without an index."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from psycopg import rows, sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import remedies
from lmsschema.ddl.statement import LockedStatement
from lmsschema.doctor.finding import Finding, Limits

#: Endings of the names of indexes that an interrupted REINDEX CONCURRENTLY leaves.
_LEFT_BY_REINDEX = ("_ccnew", "_ccold")

_BYTES_A_PAGE = 8192


@dataclasses.dataclass(frozen=True)
class IndexState:
    """A row of ``doctor/indexes.sql``. For a partitioned index, the figures are sums."""

    table_name: str
    index_name: str
    partitioned: bool
    of_partition: bool
    attached: bool
    valid: bool
    live: bool
    is_unique: bool
    needed: bool
    method: str
    key_columns: list[str]
    key_kinds: list[str]
    included: list[str]
    predicate: str | None
    definition: str | None  # of an invalid one of a partitioned table
    pages: int
    table_rows: int
    scans: int
    writes: int
    builder: int | None
    lacking: list[str]
    parts: list[str]

    @property
    def building(self) -> str:
        """The definition of the parts of an invalid index, without the table's name."""
        _, _, keys = str(self.definition).partition(" USING ")
        return f"{'UNIQUE ' if self.is_unique else ''}USING {keys}"

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Each key's column or expression, with its operator class, collation and order."""
        return list(zip(self.key_columns, self.key_kinds, strict=True))


@dataclasses.dataclass(frozen=True)
class UnindexedKey:
    """A foreign key without an index: a row of ``doctor/foreign_keys.sql``."""

    table_name: str
    key_name: str
    referenced: str
    partitioned: bool
    column_names: list[str]
    table_rows: int
    partitions: list[str]


def read(database: Database) -> list[IndexState]:
    """Return the schema's indexes, including those of partitions."""
    with database.transaction(read_only=True) as conn:
        cursor = conn.cursor(row_factory=rows.class_row(IndexState))
        cursor.execute(query("doctor/indexes"), {"schema": database.schema})
        return cursor.fetchall()


def broken(indexes: Sequence[IndexState], schema: str) -> Iterator[Finding]:
    """Yield the invalid indexes: they slow down writes, and no query uses them."""
    valid = {index.index_name: index.valid for index in indexes}
    for index in indexes:
        if index.valid:
            continue
        name, on = index.index_name, f"on {index.table_name}"
        if index.partitioned:
            message = f"{on} is invalid: a partition lacks a valid part of it"
            statements = remedies.complete(
                schema,
                name,
                index.building,
                lacking=index.lacking,
                invalid=[part for part in index.parts if not valid[part]],
                parts=index.parts,
            )
        elif index.builder is not None:
            yield Finding(
                "index-being-built",
                name,
                f"{on} is invalid; session {index.builder} may be building it",
                action_required=False,
                details={"pid": index.builder},
            )
            continue
        elif not index.live or name.rstrip("0123456789").endswith(_LEFT_BY_REINDEX):
            message = f"{on} was left by an interrupted REINDEX or DROP INDEX CONCURRENTLY"
            statements = remedies.drop(schema, name, partitioned=False)
        else:
            message = f"{on} is invalid: it slows down every write, and no query uses it"
            statements = remedies.rebuild(schema, name)
        yield Finding("invalid-index", name, message, statements=tuple(statements))


def redundant(
    indexes: Sequence[IndexState], declared: Mapping[str, str], schema: str
) -> list[Finding]:
    """Return the indexes that another index makes redundant.

    Args:
        indexes: The schema's indexes.
        declared: The table of each declared index, by the index's name.
        schema: The schema's name.
    """
    found = []
    gone: set[str] = set()
    own = [one for one in indexes if one.valid and not one.attached and not one.needed]
    # the shortest first, and of two equal ones the one that is not declared
    own.sort(key=lambda one: (len(one.keys), one.index_name in declared, one.index_name))
    for index in own:
        better = [
            other
            for other in indexes
            if other.valid
            and other.table_name == index.table_name
            and other.index_name not in gone | {index.index_name}
            and _serves(other, index)
        ]
        if not better:
            continue
        gone.add(index.index_name)
        # name one that can't be dropped, if there is one
        other = max(better, key=lambda one: (one.needed, one.is_unique, -len(one.keys)))
        message = f"on {index.table_name} is redundant: {other.index_name} begins with its columns"
        kept = declared.get(index.index_name) == index.table_name
        found.append(
            Finding(
                "redundant-index",
                index.index_name,
                message + ("; it is kept, since the guide declares it" if kept else ""),
                action_required=not kept,
                details={"table": index.table_name, "served_by": other.index_name}
                | _figures(index),
                statements=() if kept else _drop(index, schema),
            )
        )
    return found


def _serves(other: IndexState, index: IndexState) -> bool:
    """Whether ``other`` serves the same queries as ``index``, and enforces its uniqueness."""
    same = other.keys == index.keys
    return (
        index.method == other.method == "btree"
        and other.predicate == index.predicate
        and other.keys[: len(index.keys)] == index.keys
        and set(index.included) <= {*other.included, *other.key_columns}
        and (not index.is_unique or (other.is_unique and same))
    )


def unused(
    indexes: Iterable[IndexState],
    declared: Mapping[str, str],
    schema: str,
    limits: Limits,
    kept_since: datetime | None,
) -> Iterator[Finding]:
    """Yield the large indexes that no query on this server used since the statistics' reset."""
    reset = f"at {kept_since:%Y-%m-%d %H:%M} UTC" if kept_since else "(never reset)"
    since = f"since the statistics were reset {reset}"
    for index in indexes:
        if (
            index.scans
            or index.attached
            or index.needed
            or index.is_unique
            or not index.valid
            or index.pages < limits.pages
        ):
            continue
        kept = declared.get(index.index_name) == index.table_name
        yield Finding(
            "unused-index",
            index.index_name,
            f"on {index.table_name} was used by no query on this server {since}: {_size(index)}, "
            f"maintained for {index.writes} writes of rows"
            + ("; the guide declares it" if kept else ""),
            action_required=False,
            details={"table": index.table_name, "statistics_since": kept_since} | _figures(index),
            statements=() if kept else _drop(index, schema),
        )


def foreign_keys(
    database: Database, declared: Iterable[tuple[str, list[str], str]], limits: Limits
) -> list[Finding]:
    """Return the foreign keys without an index.

    Args:
        database: The database and schema.
        declared: Table, columns and name of each declared index.
        limits: The number of rows from which action is required.
    """
    with database.transaction(read_only=True) as conn:
        cursor = conn.cursor(row_factory=rows.class_row(UnindexedKey))
        cursor.execute(query("doctor/foreign_keys"), {"schema": database.schema})
        found = cursor.fetchall()
    declared_names = {(table, tuple(columns)): name for table, columns, name in declared}
    return [
        Finding(
            "foreign-key-without-index",
            key.key_name,
            f"of {key.table_name}({', '.join(key.column_names)}) has no index: deleting a row of "
            f"{key.referenced} reads all rows of {key.table_name}, about {key.table_rows}",
            action_required=key.table_rows >= limits.rows,
            details={"table": key.table_name, "table_rows": key.table_rows},
            statements=_index(
                key, database.schema, declared_names.get((key.table_name, tuple(key.column_names)))
            ),
        )
        for key in found
    ]


def _index(key: UnindexedKey, schema: str, declared: str | None) -> tuple[LockedStatement, ...]:
    """Return the statements that build an index for a foreign key."""
    columns = sql.SQL(", ").join(map(identifier, key.column_names)).as_string()
    name = declared or names.shortened(f"idx_{key.table_name}_{'_'.join(key.column_names)}")
    on = schema, key.table_name, name, f"({columns})"
    if key.partitioned:
        return tuple(remedies.build_partitioned(*on, key.partitions))
    return tuple(remedies.build(*on))


def _drop(index: IndexState, schema: str) -> tuple[LockedStatement, ...]:
    """Return the statements that drop an index."""
    return tuple(remedies.drop(schema, index.index_name, partitioned=index.partitioned))


def _figures(index: IndexState) -> dict[str, object]:
    return {"scans": index.scans, "writes": index.writes, "bytes": index.pages * _BYTES_A_PAGE}


def _size(index: IndexState) -> str:
    size = index.pages * _BYTES_A_PAGE
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.1f} MB"
