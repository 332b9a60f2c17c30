"""An index built CONCURRENTLY, and checked.

Locks: SHARE UPDATE EXCLUSIVE on the table: readers and writers go on. One that an earlier try left
INVALID is dropped in the same way and built anew.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.quoting import identifier
from lmsschema.ddl import drop_index
from lmsschema.ddl.drop_index import DropIndex
from lmsschema.ddl.index_definition import IndexDefinition
from lmsschema.ddl.rules import Rule, refuse_violations
from lmsschema.ddl.statement import OUTSIDE_A_TRANSACTION, qualified
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import concurrently
from lmsschema.locks.context import Context, Progress

_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Index(IndexDefinition):
    """An index of a table without partitions."""

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is there and valid.

        Raises:
            UnsafeError: Another index, or something else, has its name.
        """
        return self.valid(conn) is True

    def valid(self, conn: psycopg.Connection) -> bool | None:
        """Return whether it is valid; None if there is none."""
        found = drop_index.read(conn, self.name)
        if found is None:
            return None
        if not found.is_one(conn, self):
            raise UnsafeError(
                f"{self.name} is there already and is another index: {found.definition}",
                hint=f"Rename or drop it: this one is to be on {self.table} {self.body}.",
            )
        return bool(found.valid)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that a unique index brings, unless it is done."""
        if not self.unique or self.done(conn):
            return []
        where = f"({self.where})"
        broken = sql.SQL(
            "{also}({columns}) IN (SELECT {columns} FROM {table}{where} GROUP BY {columns}"
            " HAVING count(*) > 1)"
        ).format(
            columns=sql.SQL(", ".join(what for what, _ in self.keys)),
            table=identifier(self.table),
            also=sql.SQL(f"{where} AND " if self.where else ""),
            where=sql.SQL(f" WHERE {where}" if self.where else ""),
        )
        return [Rule(self.name, self.table, broken.as_string())]

    def apply(self, context: Context) -> None:
        """Build it; drop first what an earlier try left.

        Raises:
            UnsafeError: Another index has its name; or rows break the rule of a unique one.
            LockTimeoutError: Old transactions did not end in time.
        """
        schema = context.database.schema
        for _ in range(_ATTEMPTS):
            with context.database.transaction(read_only=True) as conn:
                if self.done(conn):
                    return
            concurrently.wait_for_builds(context, self.table, f"build {self}")
            with context.database.transaction(read_only=True) as conn:
                valid, rules = self.valid(conn), self.rules(conn)
            if valid:
                return
            if valid is False:
                context.tell(Progress(f"dropping {self}, which an earlier try left invalid"))
                DropIndex(self.table, self.name).apply(context)
            try:
                concurrently.run(
                    context,
                    self.built(schema),
                    table=self.table,
                    what=f"build {self}",
                    drops=False,
                )
            except errors.UniqueViolation:
                refuse_violations(context.database, rules)
                raise
        with context.database.transaction(read_only=True) as conn:
            if not self.done(conn):
                raise LmsschemaError(
                    f"{self} is invalid after {_ATTEMPTS} builds",
                    hint="Look into the server's log for the reason.",
                )

    def statements(self) -> list[str]:
        """Return the SQL, for a table that does not have it."""
        return [OUTSIDE_A_TRANSACTION + self.built(None).as_string()]

    def built(self, schema: str | None) -> sql.Composed:
        """Return the statement that builds it."""
        return creation(self.name, self.table, self.body, schema=schema)


def creation(
    name: str,
    table: str,
    definition: str,
    *,
    schema: str | None = None,
    concurrently: bool = True,
    only: bool = False,
) -> sql.Composed:
    """Return the statement that builds an index of any kind.

    Args:
        name: The index's name.
        table: Its table.
        definition: The rest as PostgreSQL prints it, after ``UNIQUE`` if it is: ``(a, b)``,
            ``UNIQUE USING btree (a)``.
        schema: The table's schema; None: names resolve there.
        concurrently: Build it while writers go on.
        only: Make that of a partitioned table alone, empty and invalid.
    """
    rest = definition.removeprefix("UNIQUE ")
    return sql.SQL("CREATE {}INDEX {}{} ON {}{} {}").format(
        sql.SQL("UNIQUE " if rest != definition else ""),
        sql.SQL("CONCURRENTLY " if concurrently else ""),
        identifier(name),
        sql.SQL("ONLY " if only else ""),
        qualified(schema, table),
        sql.SQL(rest.removeprefix("USING btree ")),
    )


def rebuilding(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that builds an invalid index anew while writers go on."""
    return sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(qualified(schema, name))
