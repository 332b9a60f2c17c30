"""Logical replication of the default partition, where another table is to replace it.

A publication knows a table by its identity, not by its name: those that list the default are left
by what was the default, and list the table in its place. In between, rows are moved: subscribers
have them already, and are sent nothing. A subscription does not know the table in its place until
it is refreshed.
"""

import dataclasses
from collections.abc import Sequence

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.partitions import Policy


@dataclasses.dataclass(frozen=True)
class Replication:
    """A publication or a subscription that a table has to do with.

    Attributes:
        what: everything (a publication of all tables, or of the schema), listed (one that lists
            the table by name) or subscription (an enabled one that applies to it).
        name: Its name.
        columns: The columns that are published; None: all.
        condition: Which rows are published, as SQL; None: all.
        owned: Whether the role may change the publication.
    """

    what: str
    name: str
    columns: list[str] | None
    condition: str | None
    owned: bool

    def leave(self, table: str) -> sql.Composed:
        """Return the statement that takes a table out of the publication."""
        return sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(
            sql.Identifier(self.name), sql.Identifier(table)
        )

    def join(self, table: str) -> sql.Composed:
        """Return the statement that has the publication list a table."""
        statement = sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(
            sql.Identifier(self.name), sql.Identifier(table)
        )
        if self.columns is not None:
            columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
            statement += sql.SQL(" ({})").format(columns)
        if self.condition is not None:  # the server quoted the names itself
            statement += sql.SQL(" WHERE ({})").format(sql.SQL(self.condition))
        return statement


def read(database: Database, table: str) -> list[Replication]:
    """Return what replicates a table; in a transaction."""
    rows = database.conn.execute(
        query("partition_manager/publications"), {"schema": database.schema, "table": table}
    ).fetchall()
    return [Replication(*row) for row in rows]


def leave(database: Database, table: str) -> list[Replication]:
    """Take a table out of the publications that list it; return those."""
    listed = [one for one in read(database, table) if one.what == "listed"]
    _run(database, [one.leave(table) for one in listed])
    return listed


def join(database: Database, table: str, listed: Sequence[Replication]) -> None:
    """Have publications list a table that were left by the one in whose place it is."""
    _run(database, [one.join(table) for one in listed])


def refuse_if_any(
    database: Database, policy: Policy, default: str, *, copies: bool, replaced: bool = True
) -> None:
    """Raise UnsafeError if subscribers would get rows that they do not know, or miss some.

    Args:
        database: Where.
        policy: The table's policy.
        default: The default partition, out of which rows are moved.
        copies: Whether rows are copied, which a publication of all tables would publish.
        replaced: Whether another table replaces the default.
    """
    with database.transaction(read_only=True):
        found = read(database, default)
    if copies:
        _refuse_everything(found, f"rows of {default} were not moved")
    others = [one.name for one in found if one.what == "listed" and not one.owned]
    if others:
        raise UnsafeError(
            f"rows of {default} were not moved: publication {', '.join(others)} lists it, and role "
            f"{database.user} may not have it list the table in its place",
            hint="Run the command as the owner of the publication and of the table, or as a "
            "superuser.",
            details={"publications": others},
        )
    subscriptions = [one.name for one in found if one.what == "subscription"]
    if subscriptions and replaced:
        raise _subscribed(policy, default, subscriptions)


def refuse_loading(database: Database, policy: Policy, name: str) -> None:
    """Raise UnsafeError if rows that are loaded into a table beside a partitioned one are sent."""
    with database.transaction(read_only=True):
        found = read(database, policy.table)
    _refuse_everything(found, f"{name} was not loaded")


def _refuse_everything(found: Sequence[Replication], what: str) -> None:
    """Raise UnsafeError if a publication of all tables, or of the schema, is among those found."""
    names = [one.name for one in found if one.what == "everything"]
    if names:
        raise UnsafeError(
            f"{what}: publication {', '.join(names)} would publish the copy, a table that "
            "subscribers do not have",
            hint='docs/partitions.md says what to publish instead, under "Logical replication".',
            details={"publications": names},
        )


def _subscribed(policy: Policy, default: str, subscriptions: Sequence[str]) -> UnsafeError:
    """Return the error that subscriptions would skip what is sent for the fresh default."""
    names = [sql.Identifier(name) for name in subscriptions]
    disable, enable, refresh = (
        " ".join(sql.SQL(f"ALTER SUBSCRIPTION {{}} {what};").format(n).as_string() for n in names)
        for what in ("DISABLE", "ENABLE", "REFRESH PUBLICATION")
    )
    empty = sql.SQL("TRUNCATE {};").format(sql.Identifier(default)).as_string()
    return UnsafeError(
        f"rows of {default} were not moved: subscription {', '.join(subscriptions)} applies to it, "
        "and would skip what is sent for the table in its place until it is refreshed",
        hint=f"When the publisher's rows of {policy.table} have been moved: {disable} lmsschema "
        f"partitions heal; {empty} {enable} {refresh}",
        details={"subscriptions": list(subscriptions)},
    )


def _run(database: Database, statements: Sequence[sql.Composed]) -> None:
    if statements:
        database.conn.execute(sql.SQL("; ").join(statements))
