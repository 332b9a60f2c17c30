"""CHECKs of a table, added for new rows at once and then validated for those that are there.

Locks:
  - ACCESS EXCLUSIVE on the table and its partitions, for the moment of adding them NOT VALID;
  - SHARE UPDATE EXCLUSIVE while they are validated, one partition after the other, all of them in
    one read of it; readers and writers go on.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from lmsschema.database.quoting import identifier
from lmsschema.ddl import constraints, definition
from lmsschema.ddl.constraints import Found
from lmsschema.ddl.rules import Rule
from lmsschema.locks.context import Context


@dataclasses.dataclass(frozen=True)
class Checks:
    """CHECKs to add to a table.

    Attributes:
        table: The table.
        checks: Each one's name and its condition, in SQL.
    """

    table: str
    checks: Mapping[str, str]

    def __str__(self) -> str:
        return f"checks of {self.table}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has all of them, validated.

        Raises:
            UnsafeError: Another constraint has the name of one.
        """
        found = constraints.read(conn, self.table, self.checks)
        for one in constraints.on_table(found):
            self._refuse_another(conn, one)
        return all(one.kind == "c" and one.validated for one in found)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that the table's rows are not known to keep."""
        unknown = {
            one.name
            for one in constraints.read(conn, self.table, self.checks)
            if not one.is_partition and not one.validated
        }
        return [
            Rule(name, self.table, f"NOT ({condition})")
            for name, condition in self.checks.items()
            if name in unknown
        ]

    def apply(self, context: Context) -> None:
        """Add those that are missing, validate those that are not.

        Raises:
            UnsafeError: Rows break one of them.
            LockTimeoutError: A lock was not obtained in time.
        """
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            rules = self.rules(conn)
            missing = self._missing(conn)
        if missing:
            constraints.brief(
                context,
                self._additions,
                what=f"add {self}",
                tables=[self.table],
                mode="ACCESS EXCLUSIVE",
            )
        constraints.validate(context, self.table, list(self.checks), rules)

    def statements(self) -> list[str]:
        """Return the SQL, for a table that has none of them."""
        return [
            self._add(list(self.checks)).as_string(),
            constraints.validation(self.table, list(self.checks)).as_string(),
        ]

    def _refuse_another(self, conn: psycopg.Connection, found: Found) -> None:
        """Raise if a constraint of the name of a CHECK is not that CHECK."""
        if found.kind is None:
            return
        wanted = self.checks[found.name]
        if (
            found.expression is None
            or str(found.definition).endswith(" NOT ENFORCED")
            or not definition.same(conn, self.table, found.expression, wanted)
        ):
            definition.refuse(
                f"constraint {found.name} of {self.table}",
                str(found.definition),
                f"CHECK ({wanted})",
            )

    def _missing(self, conn: psycopg.Connection) -> list[str]:
        """Return the names of those that the table does not have."""
        found = constraints.read(conn, self.table, self.checks)
        there = {one.name for one in found if not one.is_partition and one.kind == "c"}
        return [name for name in self.checks if name not in there]

    def _additions(self, conn: psycopg.Connection) -> list[sql.Composed]:
        """Return the statement that adds those that the table does not have."""
        missing = self._missing(conn)
        return [self._add(missing)] if missing else []

    def _add(self, names: Sequence[str]) -> sql.Composed:
        return sql.SQL("ALTER TABLE {}\n{}").format(
            identifier(self.table),
            sql.SQL(",\n").join(
                sql.SQL("ADD CONSTRAINT {} CHECK ({}) NOT VALID").format(
                    identifier(name), sql.SQL(self.checks[name])
                )
                for name in names
            ),
        )
