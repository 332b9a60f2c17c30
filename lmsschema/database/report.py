"""Reading one report, in a transaction that writes nothing and ends in time."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, UsageError
from lmsschema.reports import FILTERS, Report

_VIEW = "SELECT pg_catalog.to_regclass(%s) IS NOT NULL"
_DOMAIN = "SELECT id::text FROM institutions WHERE pg_catalog.lower(domain) = pg_catalog.lower(%s)"


@dataclasses.dataclass(frozen=True)
class Rows:
    """What a report says.

    Attributes:
        columns: The names of its columns.
        values: Its rows, each with a value for every column.
    """

    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


def read(
    database: Database,
    report: Report,
    chosen: Mapping[str, str],
    *,
    limit: int | None = None,
    timeout: float = 60,
) -> Rows:
    """Return the rows of a report.

    Args:
        database: The database.
        report: The report.
        chosen: Ids by option, of :data:`lmsschema.reports.FILTERS`; an institution's may be its
            domain.
        limit: How many rows at most.
        timeout: Seconds after which the server gives up.

    Raises:
        LmsschemaError: The schema has no such view yet.
        UsageError: There is no institution of that domain, or an id is none.
        DatabaseUnavailableError: It took too long.
    """
    with database.transaction(read_only=True) as conn:
        conn.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %s, true)",
            [f"{max(1, round(timeout * 1000))}ms"],
        )
        if conn.execute(_VIEW, [report.view]).fetchone() != (True,):
            raise LmsschemaError(
                f"schema {database.schema} of {database.target} has no view {report.view}",
                hint="Bring it to the newest revision: lmsschema upgrade",
            )
        ids = dict(chosen)
        domain = ids.get("institution")
        if domain is not None and (row := conn.execute(_DOMAIN, [domain]).fetchone()) is not None:
            ids["institution"] = row[0]
        wanted = [
            sql.SQL("{} = {}::pg_catalog.uuid").format(sql.Identifier(FILTERS[option]), value)
            for option, value in ids.items()
        ]
        statement = sql.SQL("SELECT * FROM {}{} ORDER BY {}{}").format(
            sql.Identifier(report.view),
            sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(wanted)) if wanted else sql.SQL(""),
            sql.SQL(report.order),
            sql.SQL(" LIMIT {}").format(limit) if limit is not None else sql.SQL(""),
        )
        try:
            cursor = conn.execute(statement)
        except errors.InvalidTextRepresentation as error:
            raise UsageError(
                f"{' '.join(ids.values())}: {error.diag.message_primary}",
                hint="Options take ids (UUIDs); --institution also takes a domain that there is.",
            ) from error
        except errors.QueryCanceled as error:
            raise DatabaseUnavailableError(
                f"the report {report.name} took longer than {timeout:g} s, and was cancelled",
                hint="Choose fewer rows with its options, or allow more time with --timeout.",
            ) from error
        columns = tuple(column.name for column in cursor.description or ())
        return Rows(columns, cursor.fetchall())
