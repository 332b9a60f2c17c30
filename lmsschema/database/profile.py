"""The index profile that a database has: what its settings say, else the guide's."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

import psycopg
from psycopg import errors, sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import DatabaseUnavailableError, UnsafeError, UsageError

#: The revision that makes the settings: those before it have the default profile.
SINCE = "0006_settings"


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What a database records of its index profile.

    Attributes:
        profile: The profile.
        changed_at: Since when it has it; None if it never had another one than the guide's.
    """

    profile: str = names.FAITHFUL
    changed_at: datetime | None = None


def of(conn: psycopg.Connection) -> Recorded:
    """Return the profile of the schema that names resolve in, in the open transaction.

    Raises:
        UnsafeError: This program does not know the profile.
        psycopg.errors.InsufficientPrivilege: The role may not read the settings.
    """
    if conn.execute(query("database/settings_table")).fetchone() != (True,):
        return Recorded()
    row = conn.execute(query("database/profile")).fetchone()
    if row is None:
        return Recorded()
    recorded = Recorded(*row)
    if recorded.profile not in names.PROFILES:
        raise UnsafeError(
            f"the database has the index profile {recorded.profile}, which this program does not "
            "know: a newer lmsschema wrote it",
            hint=f"Install a newer lmsschema; this one knows: {', '.join(names.PROFILES)}.",
            details={"profile": recorded.profile},
        )
    return recorded


def require(name: str) -> None:
    """Raise unless there is a profile of this name.

    Raises:
        UsageError: There is none.
    """
    if name not in names.PROFILES:
        raise UsageError(
            f"there is no index profile {name!r}", hint=f"Use one of {', '.join(names.PROFILES)}."
        )


def known(database: Database, notify: Callable[[str], None] = lambda _: None) -> str:
    """Return the database's profile; the default one, with a message, if it may not be read.

    Raises:
        UnsafeError: This program does not know it.
        psycopg.errors.LockNotAvailable: Others have locked the table for too long.
    """
    try:
        return read(database).profile
    except DatabaseUnavailableError as error:
        if error.details.get("sqlstate") != errors.InsufficientPrivilege.sqlstate:
            raise
        notify(f"{error.message}: {names.FAITHFUL} is assumed. {error.hint}")
        return names.FAITHFUL


def read(database: Database) -> Recorded:
    """Return the profile that the database has.

    Raises:
        UnsafeError: This program does not know it.
        DatabaseUnavailableError: The role may not read the settings; the hint is the GRANT.
    """
    with database.transaction(read_only=True) as conn:
        try:
            return of(conn)
        except errors.InsufficientPrivilege as error:
            grant = sql.SQL("GRANT SELECT ON {} TO {};").format(
                sql.Identifier(database.schema, names.SETTINGS), sql.Identifier(database.user)
            )
            raise DatabaseUnavailableError(
                f"role {database.user} may not read the index profile of schema {database.schema} "
                f"in {database.target}",
                hint=f"A superuser or the owner can run: {grant.as_string()}",
                details={"sqlstate": error.sqlstate},
            ) from error
