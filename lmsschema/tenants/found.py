"""Which tenants a database has, and the revision of each."""

import dataclasses
import fnmatch
from collections.abc import Iterable, Sequence

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UsageError
from lmsschema.migration import revisions

#: What goes wrong with one version table, and leaves the others readable.
_OF_ONE = (
    errors.InsufficientPrivilege,
    errors.InvalidSchemaName,
    errors.LockNotAvailable,
    errors.UndefinedColumn,
    errors.UndefinedTable,
)

#: Version tables that one statement reads: each takes a lock of it until its end.
_BATCH = 200


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A schema that has the version table.

    Attributes:
        schema: Its name.
        revision: The revision that it is at; None before the first.
        trouble: Why nothing can be done with it: its revision is unknown or can't be read; or "".
    """

    schema: str
    revision: str | None = None
    trouble: str = ""


def find(database: Database) -> list[Tenant]:
    """Return the tenants of a database by their names, in three queries for each two hundred.

    A tenant that is dropped meanwhile is left out.
    """
    with database.transaction(read_only=True) as conn:
        rows: list[tuple[str, bool]] = conn.execute(query("tenants/found")).fetchall()
    readable = [schema for schema, is_readable in rows if is_readable]
    versions: dict[str, list[str]] = {}
    refused: dict[str, str] = {}
    for first in range(0, len(readable), _BATCH):
        batch = readable[first : first + _BATCH]
        try:
            versions |= _versions(database, batch)
        except _OF_ONE:  # find out which
            for schema in batch:
                try:
                    versions |= _versions(database, [schema])
                except (errors.UndefinedTable, errors.InvalidSchemaName):
                    continue
                except _OF_ONE as error:
                    refused[schema] = " ".join(str(error).split())
    return [
        Tenant(schema, trouble=refused[schema])
        if schema in refused
        else _tenant(schema, versions[schema])
        if schema in versions
        else Tenant(schema, trouble="the role may not read its revision")
        for schema, is_readable in rows
        if schema in versions or schema in refused or not is_readable
    ]


def _versions(database: Database, schemas: Sequence[str]) -> dict[str, list[str]]:
    """Return what the version tables of some schemas say."""
    statement = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, ARRAY(SELECT v.version_num::text FROM {} AS v)").format(
            sql.Literal(schema), sql.Identifier(schema, "lmsschema_version")
        )
        for schema in schemas
    )
    with database.transaction(read_only=True) as conn:
        return dict(conn.execute(statement).fetchall())


def _tenant(schema: str, versions: list[str]) -> Tenant:
    if not versions:
        return Tenant(schema)
    if len(versions) == 1 and versions[0] in revisions.ids():
        return Tenant(schema, versions[0])
    said = ", ".join(versions)
    return Tenant(schema, said, f"is at {said}, which this program does not know")


def chosen(tenants: Iterable[Tenant], only: Sequence[str], but: Sequence[str]) -> list[Tenant]:
    """Return the tenants that patterns name (:mod:`fnmatch`).

    Args:
        tenants: All.
        only: Patterns of those that are meant; none: all.
        but: Patterns of those that are not.

    Raises:
        UsageError: A pattern names none.
    """
    every = list(tenants)
    for pattern in (*only, *but):
        if not any(fnmatch.fnmatchcase(one.schema, pattern) for one in every):
            raise UsageError(
                f"no tenant is called {pattern}", hint="List them: lmsschema tenants list"
            )
    return [
        one
        for one in every
        if (not only or any(fnmatch.fnmatchcase(one.schema, name) for name in only))
        and not any(fnmatch.fnmatchcase(one.schema, name) for name in but)
    ]


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a tenant is by the statistics of the planner.

    Attributes:
        bytes: Of its tables and indexes.
        rows: Of its tables.
    """

    bytes: int = 0
    rows: int = 0


def sizes(database: Database, schemas: Iterable[str]) -> dict[str, Size]:
    """Return how large some tenants are."""
    with database.transaction(read_only=True) as conn:
        rows = conn.execute(query("tenants/sizes"), {"schemas": list(schemas)}).fetchall()
    return {schema: Size(size, count or 0) for schema, size, count in rows}
