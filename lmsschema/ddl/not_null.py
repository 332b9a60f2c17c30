"""NOT NULL for columns of a table, through a CHECK that is validated beforehand.

Locks:
  - ACCESS EXCLUSIVE on the table and its partitions, for the moment of adding the CHECK NOT VALID;
  - SHARE UPDATE EXCLUSIVE while it is validated, one partition after the other; readers and writers
    go on;
  - ACCESS EXCLUSIVE again, for the moment of SET NOT NULL, which reads no row thanks to the CHECK,
    and of dropping the CHECK.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema import names
from lmsschema.database.queries import query
from lmsschema.database.quoting import identifier
from lmsschema.ddl import constraints
from lmsschema.ddl.rules import Rule
from lmsschema.ddl.statement import BRIEFLY, UNNOTICED, LockedStatement, qualified
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class NotNull:
    """Columns of a table that are to be NOT NULL."""

    table: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"NOT NULL of {self.table}"

    @property
    def helper(self) -> str:
        """The name of the CHECK that is there in between."""
        return names.shortened(f"{self.table}_not_null_check")

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the columns are NOT NULL and the CHECK is gone."""
        [helper] = constraints.on_table(constraints.read(conn, self.table, [self.helper]))
        return helper.kind is None and not self._nullable(conn)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that the table's rows are not known to keep."""
        [helper] = constraints.on_table(constraints.read(conn, self.table, [self.helper]))
        if helper.validated:
            return []
        return [
            Rule(
                f"{self.table}.{column} NOT NULL",
                self.table,
                f"{identifier(column).as_string()} IS NULL",
            )
            for column in self._nullable(conn)
        ]

    def apply(self, context: Context) -> None:
        """Do what is missing.

        Raises:
            UnsafeError: Rows have none of the values.
            LockTimeoutError: A lock was not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            rules = self.rules(conn)
            prepare = self._prepare(conn)
        if prepare:
            constraints.brief(
                context,
                self._prepare,
                what=f"prepare {self}",
                tables=[self.table],
                mode="ACCESS EXCLUSIVE",
            )
        constraints.validate(context, self.table, [self.helper], rules)
        constraints.brief(
            context,
            lambda _: [self._set(), self._drop()],
            what=f"set {self}",
            tables=[self.table],
            mode="ACCESS EXCLUSIVE",
        )

    def statements(self) -> list[str]:
        """Return the SQL, for a table that has none of them."""
        *others, drop = [one.sql for one in self.script()]
        return [*others, f"-- squawk-ignore ban-drop-constraint\n{drop}"]

    def script(self, schema: str | None = None) -> list[LockedStatement]:
        """Return the statements with their locks, for a table that has none of them."""
        validation = constraints.validation(self.table, [self.helper], schema)
        return [
            LockedStatement(self._add(schema).as_string(), BRIEFLY),
            LockedStatement(validation.as_string(), UNNOTICED),
            LockedStatement(self._set(schema).as_string(), BRIEFLY),
            LockedStatement(self._drop(schema).as_string(), BRIEFLY),
        ]

    def _nullable(self, conn: psycopg.Connection) -> list[str]:
        rows = conn.execute(query("ddl/columns"), {"table": self.table}).fetchall()
        not_null = {name for name, is_not_null, *_ in rows if is_not_null}
        return [column for column in self.columns if column not in not_null]

    def _prepare(self, conn: psycopg.Connection) -> list[sql.Composed]:
        """Return what has to be done so that the CHECK is there, of all the columns."""
        [helper] = constraints.on_table(constraints.read(conn, self.table, [self.helper]))
        if helper.kind is None:
            return [self._add()]
        covered = set(self._nullable(conn)) <= set(helper.columns)
        return [] if covered else [self._drop(), self._add()]

    def _add(self, schema: str | None = None) -> sql.Composed:
        return sql.SQL("ALTER TABLE {}\nADD CONSTRAINT {} CHECK (\n    {}\n) NOT VALID").format(
            qualified(schema, self.table),
            identifier(self.helper),
            sql.SQL("\n    AND ").join(
                sql.SQL("{} IS NOT NULL").format(identifier(column)) for column in self.columns
            ),
        )

    def _set(self, schema: str | None = None) -> sql.Composed:
        return sql.SQL("ALTER TABLE {}\n{}").format(
            qualified(schema, self.table),
            sql.SQL(",\n").join(
                sql.SQL("ALTER COLUMN {} SET NOT NULL").format(identifier(column))
                for column in self.columns
            ),
        )

    def _drop(self, schema: str | None = None) -> sql.Composed:
        return sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
            qualified(schema, self.table), identifier(self.helper)
        )
