"""An index built CONCURRENTLY, and checked.

Locks: SHARE UPDATE EXCLUSIVE on the table: readers and writers go on. One that an earlier try left
INVALID is dropped in the same way and built anew.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import definition
from lmsschema.ddl.rules import Rule, refuse_violations
from lmsschema.ddl.statement import qualified
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import concurrently
from lmsschema.locks.context import Context, Progress

_ATTEMPTS = 3

#: The linter allows one such statement a revision, unless the revision can be run again.
_OUTSIDE = "-- lint: ignore second-non-transactional: done or not is seen in the catalogs\n"


@dataclasses.dataclass(frozen=True)
class Index:
    """An index of a table without partitions.

    Attributes:
        name: The index's name.
        table: The table, which has no partitions.
        columns: What is indexed, as PostgreSQL prints it: ``user_id, event_timestamp DESC``; or
            one expression, in any words.
        unique: Whether it is unique.
        method: The access method: ``btree``, ``gin``.
    """

    name: str
    table: str
    columns: str
    unique: bool = False
    method: str = "btree"

    def __str__(self) -> str:
        return f"index {self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is there and valid.

        Raises:
            UnsafeError: Another index has its name.
        """
        return self.valid(conn) is True

    def valid(self, conn: psycopg.Connection) -> bool | None:
        """Return whether it is valid; None if there is none."""
        row = conn.execute(query("ddl/indexes"), {"index": self.name}).fetchone()
        if row is None:
            return None
        table, valid, printed, _ = row
        kind = "CREATE UNIQUE INDEX" if self.unique else "CREATE INDEX"
        start, _, keys = printed.partition(f" USING {self.method} ")
        if table != self.table or not (
            start.startswith(f"{kind} ")
            and (
                keys == f"({self.columns})"
                or definition.same(conn, table, keys, f"({self.columns})")
            )
        ):
            raise UnsafeError(
                f"{self.name} is there already and is another index: {printed}",
                hint=f"Rename or drop it: this one is to be on {self.table} ({self.columns}).",
            )
        return bool(valid)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that a unique index brings, unless it is done."""
        if not self.unique or self.done(conn):
            return []
        broken = sql.SQL(
            "({columns}) IN (SELECT {columns} FROM {table} GROUP BY {columns} HAVING count(*) > 1)"
        ).format(columns=sql.SQL(self.columns), table=identifier(self.table))
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
                self._run(context, self.dropped(schema), "drop")
            try:
                self._run(context, self.built(schema), "build")
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
        return [_OUTSIDE + self.built(None).as_string()]

    def built(self, schema: str | None) -> sql.Composed:
        """Return the statement that builds it."""
        unique = "UNIQUE " if self.unique else ""
        rest = f"{unique}USING {self.method} ({self.columns})"
        return creation(self.name, self.table, rest, schema=schema)

    def dropped(self, schema: str) -> sql.Composed:
        """Return the statement that drops it."""
        return removal(self.name, schema)

    def _run(self, context: Context, statement: sql.Composed, verb: str) -> None:
        concurrently.run(
            context,
            statement,
            table=self.table,
            what=f"{verb} {self}",
            drops=verb == "drop",
        )


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


def removal(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that drops an index while writers go on."""
    return sql.SQL("DROP INDEX CONCURRENTLY {}").format(qualified(schema, name))


def rebuilding(name: str, schema: str | None = None) -> sql.Composed:
    """Return the statement that builds an invalid index anew while writers go on."""
    return sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(qualified(schema, name))
