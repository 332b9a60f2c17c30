"""The foreign keys that refer to a partitioned table, and the rows that they hold."""

import dataclasses

from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.partitions import Policy


@dataclasses.dataclass(frozen=True)
class Referrer:
    """A foreign key of another table that refers to the partitioned table."""

    name: str
    table: str
    schema: str
    own_columns: list[str]
    referenced_columns: list[str]

    def rows(self, partition: str) -> sql.Composed:
        """Return the condition, on alias ``r`` of the table, of rows that refer to a partition."""
        own, referenced = (
            sql.SQL(", ").join(sql.Identifier(alias, column) for column in columns)
            for alias, columns in (("r", self.own_columns), ("p", self.referenced_columns))
        )
        return sql.SQL("EXISTS (SELECT FROM {} AS p WHERE ({}) = ({}))").format(
            sql.Identifier(partition), referenced, own
        )


def read(database: Database, policy: Policy) -> list[Referrer]:
    """Return the foreign keys that refer to a table."""
    rows = database.conn.execute(
        query("partition_manager/referrers"), {"schema": database.schema, "table": policy.table}
    ).fetchall()
    return [Referrer(*row) for row in rows]


def refuse_if_any(database: Database, policy: Policy) -> None:
    """Raise UnsafeError if a foreign key refers to the table: deleting its rows would cascade."""
    for key in read(database, policy)[:1]:
        raise UnsafeError(
            f"rows of {policy.table} can't be moved: {key.name} of {key.table} refers to them",
            hint="Drop that foreign key first, and add it again afterwards.",
        )


def refusal(database: Database, policy: Policy, partition: str, what: str) -> UnsafeError:
    """Return the error that rows which refer to a partition keep it from being detached."""
    lines, queries = [], []
    with database.transaction(read_only=True) as conn:
        for key in read(database, policy):
            table = sql.Identifier(key.schema, key.table)
            where = key.rows(partition)
            row = conn.execute(
                sql.SQL("SELECT count(*) FROM {} AS r WHERE {}").format(table, where)
            ).fetchone()
            if row is not None and row[0]:
                lines.append(f"{row[0]} rows of {key.table} ({key.name})")
                queries.append(
                    sql.SQL("SELECT * FROM {} AS r WHERE {};").format(table, where).as_string()
                )
    return UnsafeError(
        f"{partition} was not {what}: {' and '.join(lines) or 'rows'} refer to its rows",
        hint="Delete those rows, or what they refer to in them, and run the command again. "
        "They are: " + " ".join(queries),
        details={"partition": partition, "queries": queries},
    )
