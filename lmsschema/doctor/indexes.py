"""The doctor's look at indexes: broken, redundant, unused, or missing below a foreign key."""

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from psycopg import rows, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.doctor.finding import Finding, Limits, command, cut

#: What an interrupted REINDEX CONCURRENTLY leaves beside the index itself.
_LEFT_BY_REINDEX = ("_ccnew", "_ccold")

_BYTES_A_PAGE = 8192


@dataclasses.dataclass(frozen=True)
class Index:
    """An index as ``doctor_indexes.sql`` returns it; the figures of a partitioned one are sums."""

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
    def keys(self) -> list[tuple[str, str]]:
        """Each key's column or expression, with its operator class, collation and order."""
        return list(zip(self.key_columns, self.key_kinds, strict=True))


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    """A foreign key without an index, as ``doctor_foreign_keys.sql`` returns it."""

    table_name: str
    key_name: str
    referenced: str
    partitioned: bool
    column_names: list[str]
    table_rows: int
    partitions: list[str]


def read(database: Database) -> list[Index]:
    """Return the schema's indexes, those of partitions too."""
    with database.transaction(read_only=True) as conn:
        cursor = conn.cursor(row_factory=rows.class_row(Index))
        cursor.execute(query("doctor/indexes"), {"schema": database.schema})
        return cursor.fetchall()


def broken(indexes: Sequence[Index], schema: str) -> Iterator[Finding]:
    """Yield the indexes that are invalid or half built: they cost writes and answer nothing."""
    valid = {index.index_name: index.valid for index in indexes}
    for index in indexes:
        if index.valid:
            continue
        name = sql.Identifier(schema, index.index_name)
        if index.partitioned:
            yield Finding(
                "invalid-index",
                index.index_name,
                f"on {index.table_name} is invalid: not every partition has a valid part of it",
                tuple(_complete(index, schema, [one for one in index.parts if not valid[one]])),
            )
        elif index.builder is not None:
            yield Finding(
                "index-being-built",
                index.index_name,
                f"on {index.table_name} is invalid; session {index.builder} may be building it",
                needs_hand=False,
                details={"pid": index.builder},
            )
        elif not index.live or index.index_name.rstrip("0123456789").endswith(_LEFT_BY_REINDEX):
            yield Finding(
                "invalid-index",
                index.index_name,
                f"on {index.table_name} is what a cut short REINDEX or DROP INDEX "
                "CONCURRENTLY left",
                (command("DROP INDEX CONCURRENTLY {}", name),),
            )
        else:
            yield Finding(
                "invalid-index",
                index.index_name,
                f"on {index.table_name} is invalid: it costs every write and no query uses it",
                (command("REINDEX INDEX CONCURRENTLY {}", name),),
            )


def _complete(index: Index, schema: str, invalid: list[str]) -> Iterator[str]:
    """Yield what makes an index of a partitioned table valid."""
    for part in invalid:
        yield command("REINDEX INDEX CONCURRENTLY {}", sql.Identifier(schema, part))
    if index.lacking and index.definition:
        _, _, keys = index.definition.partition(" USING ")
        yield from _parts(index.table_name, index.index_name, keys, index.lacking, schema)
    elif index.parts:  # attached again, the parent is looked at again
        names = sql.Identifier(schema, index.index_name), sql.Identifier(schema, index.parts[0])
        yield command("ALTER INDEX {} ATTACH PARTITION {}", *names)


def _parts(
    table: str, index: str, keys: str, partitions: Iterable[str], schema: str
) -> Iterator[str]:
    """Yield what gives partitions their parts of an index: built concurrently, then attached."""
    short = index.removeprefix("idx_").removeprefix(f"{table}_")
    for partition in partitions:
        part = cut(f"{partition}_{short}")
        yield command(
            "CREATE INDEX CONCURRENTLY {} ON {} USING {}",
            sql.Identifier(part),
            sql.Identifier(schema, partition),
            sql.SQL(keys),  # as PostgreSQL printed it
        )
        yield command(
            "ALTER INDEX {} ATTACH PARTITION {}",
            sql.Identifier(schema, index),
            sql.Identifier(schema, part),
        )


def redundant(indexes: Sequence[Index], declared: Mapping[str, str], schema: str) -> list[Finding]:
    """Return the indexes that another one makes superfluous.

    Args:
        indexes: The schema's.
        declared: The table of each index that the code declares, by the index's name.
        schema: The schema's name.
    """
    found = []
    gone: set[str] = set()
    own = [one for one in indexes if one.valid and not one.attached and not one.needed]
    # the shortest first, so that of two equal ones the undeclared goes
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
        # one that is needed anyway says most
        other = max(better, key=lambda one: (one.needed, one.is_unique, -len(one.keys)))
        message = f"on {index.table_name} is redundant: {other.index_name} begins with its columns"
        kept = declared.get(index.index_name) == index.table_name
        found.append(
            Finding(
                "redundant-index",
                index.index_name,
                message + ("; the guide declares it, so it stays" if kept else ""),
                () if kept else (_drop(index, schema),),
                needs_hand=not kept,
                details={"table": index.table_name, "served_by": other.index_name}
                | _figures(index),
            )
        )
    return found


def _serves(other: Index, index: Index) -> bool:
    """Whether ``other`` answers all that ``index`` answers, and refuses all that it refuses."""
    same = other.keys == index.keys
    return (
        index.method == other.method == "btree"
        and other.predicate == index.predicate
        and other.keys[: len(index.keys)] == index.keys
        and set(index.included) <= {*other.included, *other.key_columns}
        and (not index.is_unique or (other.is_unique and same))
    )


def unused(
    indexes: Iterable[Index],
    declared: Mapping[str, str],
    schema: str,
    limits: Limits,
    kept_since: datetime | None,
) -> Iterator[Finding]:
    """Yield the large indexes that no query on this server used since statistics are kept."""
    since = f"since {kept_since:%Y-%m-%d %H:%M} UTC" if kept_since else "(never reset)"
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
            f"on {index.table_name} was used by no query of this server in the statistics kept "
            f"{since}: {_size(index)}, kept up through {index.writes} writes of rows"
            + ("; the guide declares it" if kept else ""),
            () if kept else (_drop(index, schema),),
            needs_hand=False,
            details={"table": index.table_name, "statistics_since": kept_since} | _figures(index),
        )


def foreign_keys(
    database: Database, declared: Iterable[tuple[str, list[str], str]], limits: Limits
) -> list[Finding]:
    """Return the foreign keys that no index serves.

    Args:
        database: The database and schema.
        declared: Table, columns and name of each index that the code declares.
        limits: From which number of rows on it needs a hand.
    """
    with database.transaction(read_only=True) as conn:
        cursor = conn.cursor(row_factory=rows.class_row(ForeignKey))
        cursor.execute(query("doctor/foreign_keys"), {"schema": database.schema})
        found = cursor.fetchall()
    names = {(table, tuple(columns)): name for table, columns, name in declared}
    return [
        Finding(
            "foreign-key-without-index",
            key.key_name,
            f"of {key.table_name}({', '.join(key.column_names)}) has no index: to delete a row of "
            f"{key.referenced}, PostgreSQL reads all about {key.table_rows} rows",
            _index(key, database.schema, names.get((key.table_name, tuple(key.column_names)))),
            needs_hand=key.table_rows >= limits.rows,
            details={"table": key.table_name, "table_rows": key.table_rows},
        )
        for key in found
    ]


def _index(key: ForeignKey, schema: str, declared: str | None) -> tuple[str, ...]:
    """Return the commands that build an index for a foreign key."""
    if declared is not None:
        return (f"lmsschema upgrade --schema {shlex.quote(schema)}",)
    table = sql.Identifier(schema, key.table_name)
    columns = sql.SQL(", ").join(map(sql.Identifier, key.column_names))
    name = cut(f"idx_{key.table_name}_{'_'.join(key.column_names)}")
    if not key.partitioned:
        text = "CREATE INDEX CONCURRENTLY {} ON {} ({})"
        return (command(text, sql.Identifier(name), table, columns),)
    made = command("CREATE INDEX {} ON ONLY {} ({})", sql.Identifier(name), table, columns)
    keys = f"btree ({columns.as_string()})"
    return (made, *_parts(key.table_name, name, keys, key.partitions, schema))


def _drop(index: Index, schema: str) -> str:
    """Return the command that drops an index."""
    # PostgreSQL has no CONCURRENTLY for a partitioned table's
    text = "DROP INDEX {}" if index.partitioned else "DROP INDEX CONCURRENTLY {}"
    return command(text, sql.Identifier(schema, index.index_name))


def _figures(index: Index) -> dict[str, object]:
    return {"scans": index.scans, "writes": index.writes, "bytes": index.pages * _BYTES_A_PAGE}


def _size(index: Index) -> str:
    size = index.pages * _BYTES_A_PAGE
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.1f} MB"
