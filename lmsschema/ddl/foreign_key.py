"""A foreign key, added for new rows at once and then validated for those that are there.

Locks:
  - SHARE ROW EXCLUSIVE on both tables, for the moment of adding it NOT VALID: writers wait, readers
    do not;
  - SHARE UPDATE EXCLUSIVE on the table and ROW SHARE on the one referred to, while it is validated;
    readers and writers go on.

Before 18 a key of a partitioned table can't be NOT VALID. So it is added to each partition in this
way, and then to the table, which takes the partitions' keys over without reading a row: ACCESS
EXCLUSIVE on the table referred to, SHARE ROW EXCLUSIVE on the table and its partitions, for a
moment.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import psycopg
from psycopg import sql

from lmsschema.database.quoting import identifier
from lmsschema.ddl import constraints, definition
from lmsschema.ddl.constraints import Found
from lmsschema.ddl.rules import Rule
from lmsschema.locks import ladder
from lmsschema.locks.context import Context
from lmsschema.locks.ladder import Mode, Work


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    """A foreign key of one column that refers to the ``id`` of a table.

    Attributes:
        name: The constraint's name.
        table: The table that gets it.
        column: Its column.
        references: The table that it refers to.
        on_delete: What happens to the row when the one referred to is deleted.
    """

    name: str
    table: str
    column: str
    references: str
    on_delete: Literal["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"] = "NO ACTION"

    def __str__(self) -> str:
        return f"foreign key {self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has it, validated.

        Raises:
            UnsafeError: Another constraint has its name.
        """
        [own] = constraints.on_table(self._read(conn))
        self._refuse_another(conn, own)
        return own.kind == "f" and own.validated is True

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that the table's rows are not known to keep."""
        if self.done(conn):
            return []
        value = sql.SQL("{}.{}").format(identifier(self.table), identifier(self.column))
        broken = sql.SQL(
            "{value} IS NOT NULL AND NOT EXISTS (SELECT FROM {other} AS r WHERE r.id = {value})"
        ).format(value=value, other=identifier(self.references))
        return [Rule(self.name, self.table, broken.as_string())]

    def apply(self, context: Context) -> None:
        """Do what is missing.

        Raises:
            UnsafeError: Rows refer to what is not there, or another constraint has its name.
            LockTimeoutError: A lock was not obtained in time.
        """
        while True:
            with context.database.transaction(read_only=True) as conn:
                if self.done(conn):
                    return
                rules = self.rules(conn)
                found = self._read(conn)
                for one in found:
                    self._refuse_another(conn, one)
            [own] = constraints.on_table(found)
            lacking = [one for one in found if one.kind is None]
            if own.is_partitioned:
                lacking = [one for one in lacking if one.is_partition] or lacking
            for one in lacking:
                self._add(context, one)
            constraints.validate(context, self.table, [self.name], rules)

    def statements(self) -> list[str]:
        """Return the SQL, for a table without partitions."""
        return [
            self._definition(self.table, valid=False).as_string(),
            constraints.validation(self.table, [self.name]).as_string(),
        ]

    def _refuse_another(self, conn: psycopg.Connection, found: Found) -> None:
        """Raise if a table or partition has another constraint of that name."""
        if found.kind is None:
            return
        action = "" if self.on_delete == "NO ACTION" else f" ON DELETE {self.on_delete}"
        row = conn.execute(
            "SELECT pg_catalog.format('FOREIGN KEY (%%I) REFERENCES %%I(id)', %s::text, %s::text)",
            [self.column, self.references],
        ).fetchone()
        wanted = f"{row[0] if row else ''}{action}"
        if str(found.definition).removesuffix(" NOT VALID") != wanted:
            definition.refuse(
                f"constraint {self.name} of {found.table}", str(found.definition), wanted
            )

    def _read(self, conn: psycopg.Connection) -> list[Found]:
        return constraints.read(conn, self.table, [self.name])

    def _add(self, context: Context, place: Found) -> None:
        def statements(conn: psycopg.Connection) -> list[sql.Composed]:
            """Return nothing if it is there, or a partition came that needs its own first."""
            found = self._read(conn)
            if all(one.kind is not None for one in found if one.table == place.table):
                return []
            late = any(one.kind is None for one in found if one.is_partition)
            if place.is_partitioned and late:
                return []
            return [self._definition(place.table, valid=place.is_partitioned)]

        def finish(conn: psycopg.Connection) -> None:
            for statement in statements(conn):
                conn.execute(statement)

        # taking keys over drops the partitions' own triggers on the table referred to
        mode: Mode = "ACCESS EXCLUSIVE" if place.is_partitioned else "SHARE ROW EXCLUSIVE"

        def prepare(_: psycopg.Connection) -> Work[None]:
            locks = [
                *constraints.whole(context.database, [self.references], mode),
                *constraints.whole(context.database, [place.table], "SHARE ROW EXCLUSIVE"),
            ]
            return Work(locks, finish=finish)

        ladder.step(context, prepare, what=f"add {self} to {place.table}")

    def _definition(self, table: str, *, valid: bool) -> sql.Composed:
        definition = sql.SQL("FOREIGN KEY ({}) REFERENCES {} (id) ON DELETE {}").format(
            identifier(self.column), identifier(self.references), sql.SQL(self.on_delete)
        )
        return constraints.addition(table, self.name, definition.as_string(), valid=valid)
