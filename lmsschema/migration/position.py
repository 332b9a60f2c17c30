"""Where a database stands on the line of revisions, and what leads on from there."""

from psycopg import errors, sql

from lmsschema.database.connection import Database, create_schema, require_usage
from lmsschema.database.queries import query
from lmsschema.errors import DatabaseUnavailableError, UnsafeError, UsageError
from lmsschema.migration import revisions


def current(database: Database) -> str | None:
    """Return the revision that the database is at; None before the first.

    Raises:
        DatabaseUnavailableError: The role may not use the schema, or not read the version table;
            the hint is the GRANT.
        UnsafeError: The database is at a revision that this program does not know.
    """
    require_usage(database)
    with database.transaction(read_only=True) as conn:
        if conn.execute(query("migration/version_table")).fetchone() != (True,):
            return None
        try:
            found = [str(row[0]) for row in conn.execute(query("migration/version"))]
        except errors.InsufficientPrivilege as error:
            raise _unreadable(database, error) from error
    if not found:
        return None
    if len(found) == 1 and found[0] in revisions.ids():
        return found[0]
    raise UnsafeError(
        f"{database.target} is at revision {', '.join(found)}, which this program does not know: "
        "a newer lmsschema wrote it",
        hint=f"Install a newer lmsschema; this one knows revisions up to {revisions.head()}.",
        details={"revision": found},
    )


def _unreadable(
    database: Database, error: errors.InsufficientPrivilege
) -> DatabaseUnavailableError:
    """Return the error for a role that may not read the version table."""
    grant = sql.SQL("GRANT SELECT ON {} TO {};").format(
        sql.Identifier(database.schema, "lmsschema_version"), sql.Identifier(database.user)
    )
    return DatabaseUnavailableError(
        f"role {database.user} may not read the revision of schema {database.schema} in "
        f"{database.target}",
        hint=f"A superuser or the owner can run: {grant.as_string()}",
        details={"sqlstate": error.sqlstate},
    )


def pending(before: str | None, name: str) -> list[str]:
    """Return the revisions that lead from ``before`` to ``name``, oldest first.

    Raises:
        UsageError: No such revision, or ``before`` is beyond it.
    """
    wanted, there = revisions.find(name, before), revisions.position(before)
    if wanted < there:
        raise UsageError(
            f"the database is at {before}, beyond {name}",
            hint=f"To go back: lmsschema downgrade {name}",
        )
    return revisions.ids()[there:wanted]


def ensure_schema(database: Database) -> None:
    """Create the schema if it is absent."""
    if not database.schema_exists:
        with database.transaction() as conn:
            conn.execute(create_schema(database.schema))
