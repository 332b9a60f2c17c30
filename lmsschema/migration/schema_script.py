"""The whole schema as one SQL script, written from the tables' definitions."""

import functools
from collections.abc import Iterable, Iterator
from datetime import datetime

from psycopg import sql
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import ENUM, CreateEnumType
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import (
    CreateIndex,
    CreateTable,
    ExecutableDDLElement,
    SetColumnComment,
    SetTableComment,
    sort_tables,
)

from lmsschema import names, partitions
from lmsschema.database.quoting import identifier
from lmsschema.migration import revisions
from lmsschema.partition_manager import statements
from lmsschema.tables import TABLES, grading, profiles, routines, views
from lmsschema.tables.settings import settings

# another paramstyle would double every percent sign
_DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # as SQLAlchemy has it

VERSION_TABLE = """\
CREATE TABLE lmsschema_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT lmsschema_version_pkc PRIMARY KEY (version_num)
);
"""

_PROFILE_ROW = sql.SQL("INSERT INTO lmsschema_settings (profile) VALUES ({});\n")
_VERSION_ROW = sql.SQL("INSERT INTO lmsschema_version (version_num) VALUES ({});\n")


def render(schema: str | None, as_of: datetime | None, profile: str = names.FAITHFUL) -> str:
    """Return the script: what ``upgrade`` makes of an empty database, as ``psql -1 -f`` takes it.

    Args:
        schema: The schema to make and to fill; None for the first of the session's search_path.
        as_of: The time whose month is the first to get a partition; timezone-aware. None: the
            partitioned tables get none.
        profile: The index profile.
    """
    blocks = [
        *_begin(schema),
        *_schema(profile),
        *([] if as_of is None else _partitions(as_of)),
        *_table(settings, profile),
        *_profile(profile),
        VERSION_TABLE,
        _VERSION_ROW.format(revisions.head()).as_string(),
        *_end(schema),
    ]
    return "\n".join(blocks)


@functools.cache
def _schema(profile: str) -> tuple[str, ...]:
    """Return the types, tables, functions, triggers and views, without partitions."""
    return (
        *_types(),
        _statements(routines.functions().values()),
        *(block for table in _in_order() for block in _table(table, profile)),
        _statements(grading.functions()),
        *(_statements(made) for table in _in_order() if (made := grading.triggers(table))),
        _statements(views.create()),
    )


def _begin(schema: str | None) -> Iterator[str]:
    """Yield the statements that make the schema and have every name resolve in it."""
    if schema is not None:
        name = identifier(schema).as_string()
        yield f"CREATE SCHEMA IF NOT EXISTS {name};\n"
        yield f"SET search_path TO {name};\n"


def _end(schema: str | None) -> Iterator[str]:
    """Yield the statement that gives the session back as it was."""
    if schema is not None:
        yield "RESET search_path;\n"


def _types() -> Iterator[str]:
    """Yield the enumerations, in the order in which the tables use them."""
    types = {
        column.type.name: column.type
        for table in TABLES
        for column in table.columns
        if isinstance(column.type, ENUM)
    }
    yield from (_statements([CreateEnumType(enum)]) for enum in types.values())


def _in_order() -> list[Table]:
    """Return the schema's own tables, each after those that it refers to."""
    return sort_tables(sorted(TABLES, key=lambda table: str(table.name)))


def _table(table: Table, profile: str) -> Iterator[str]:
    """Yield a table, then its indexes and triggers, its comments and those of its columns."""
    yield _statements([CreateTable(table)])
    if (full := profiles.fillfactor(table, profile)) is not None:
        yield f"ALTER TABLE {table.name} SET (fillfactor = {full});\n"
    if indexes := profiles.indexes(table, profile):
        yield _statements(map(CreateIndex, indexes))
    triggers = routines.triggers(table)
    if triggers:
        yield _statements(triggers)
    commented = [column for column in table.columns if column.comment]
    yield _statements([SetTableComment(table), *map(SetColumnComment, commented)])


def _profile(profile: str) -> Iterator[str]:
    """Yield what records an index profile that is not the default."""
    if profile != names.FAITHFUL:
        yield _PROFILE_ROW.format(profile).as_string()


def _partitions(as_of: datetime) -> Iterator[str]:
    """Yield the partitions that ``upgrade`` leaves at that time."""
    for policy in partitions.POLICIES:
        for table in TABLES:
            if table.name == policy.table:  # a policy may be of a site's own table
                yield statements.script(policy, partitions.plan(policy, [], as_of), table.comment)


def _statements(elements: Iterable[ExecutableDDLElement]) -> str:
    """Return DDL as SQLAlchemy writes it for PostgreSQL, in the layout of the project."""
    texts = [str(element.compile(dialect=_DIALECT)) for element in elements]
    return "".join(_laid_out(text) + ";\n" for text in texts)


def _laid_out(statement: str) -> str:
    """Return a statement without tabs, blanks at the ends of lines, and blank lines."""
    lines = [line.rstrip().replace("\t", "    ") for line in statement.strip().splitlines()]
    whole = "\n".join(line.lstrip() if line[:2].strip() else line for line in lines if line)
    return whole.replace("FOREIGN KEY(", "FOREIGN KEY (")
