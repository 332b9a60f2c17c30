"""What a role may do, and the statement that lets it do what it may not."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.partitions import Policy


@contextlib.contextmanager
def readable(database: Database, table: str | None) -> Iterator[None]:
    """Read a table, if there is one, in a transaction that is under way.

    Raises:
        DatabaseUnavailableError: The role may not read it; the hint is the GRANT.
    """
    try:
        with database.conn.transaction():
            yield
    except errors.InsufficientPrivilege:
        if table is None:
            raise
        raise _not_readable(database, table) from None


def _not_readable(database: Database, default: str) -> DatabaseUnavailableError:
    """Return the error that the role may not read the default: no grant, or row security."""
    role, table = sql.Identifier(database.user), sql.Identifier(database.schema, default)
    row = database.conn.execute(
        "SELECT pg_catalog.has_table_privilege(%s::text, 'SELECT')", (table.as_string(),)
    ).fetchone()
    if row == (True,):
        return DatabaseUnavailableError(
            f"row security of {default} would hide rows from role {database.user}",
            hint=sql.SQL("ALTER ROLE {} BYPASSRLS;").format(role).as_string(),
        )
    return DatabaseUnavailableError(
        f"role {database.user} may not read {default}",
        hint=sql.SQL("GRANT SELECT ON {} TO {};").format(table, role).as_string(),
    )


def require_locks(database: Database, policy: Policy) -> None:
    """Raise unless the role may lock the tables that the foreign keys refer to, to drop keys.

    Raises:
        DatabaseUnavailableError: It may not; the hint is the GRANT.
    """
    _require(database, policy, "may_lock", "UPDATE", "lock")


def require_references(database: Database, policy: Policy) -> None:
    """Raise unless the role may add foreign keys like those of the partitioned table.

    Raises:
        DatabaseUnavailableError: It may not; the hint is the GRANT.
    """
    _require(database, policy, "may_refer", "REFERENCES", "make foreign keys that refer to")


def _require(database: Database, policy: Policy, right: str, grant: str, what: str) -> None:
    with database.transaction(read_only=True) as conn:
        row = conn.execute(
            query("partition_manager/surroundings"),
            {"schema": database.schema, "table": policy.table},
        ).fetchone()
    referenced: Sequence[dict[str, Any]] = row[1] if row else ()
    lacking = [(one["schema"], one["table"]) for one in referenced if not one[right]]
    if lacking:
        tables = ", ".join(table for _, table in lacking)
        raise DatabaseUnavailableError(
            f"role {database.user} may not {what} {tables}",
            hint=sql.SQL("GRANT {} ON {} TO {};")
            .format(
                sql.SQL(grant),
                sql.SQL(", ").join(sql.Identifier(*name) for name in lacking),
                sql.Identifier(database.user),
            )
            .as_string(),
        )
