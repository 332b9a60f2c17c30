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

A key that it replaces is dropped at the end: ACCESS EXCLUSIVE on both tables, for a moment.
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

Action = Literal["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"]


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    """A foreign key.

    Attributes:
        name: The constraint's name.
        table: The table that gets it.
        columns: Its columns: ``enrollment_id, user_id``.
        references: The table that it refers to.
        on_delete: What happens to the row when the one referred to is deleted.
        referred: The columns that it refers to, which a key of their own makes unique.
        on_update: What happens to the row when the columns referred to are changed.
        replaces: The name of a foreign key to the same table that says less, and is dropped once
            this one holds.
    """

    name: str
    table: str
    columns: str
    references: str
    on_delete: Action = "NO ACTION"
    referred: str = "id"
    on_update: Action = "NO ACTION"
    replaces: str | None = None

    def __str__(self) -> str:
        return f"foreign key {self.name}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the table has it, validated, and not the one that it replaces.

        Raises:
            UnsafeError: Another constraint has its name.
        """
        return self._holds(conn) and not self._replaced(conn)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rule that the table's rows are not known to keep."""
        if self._holds(conn):
            return []
        own = [
            sql.SQL("{}.{}").format(identifier(self.table), _column(column))
            for column in _names(self.columns)
        ]
        pairs = zip(_names(self.referred), own, strict=True)
        broken = sql.SQL("{there} AND NOT EXISTS (SELECT FROM {other} AS r WHERE {same})").format(
            there=sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(one) for one in own),
            other=identifier(self.references),
            same=sql.SQL(" AND ").join(
                sql.SQL("r.{} = {}").format(_column(referred), one) for referred, one in pairs
            ),
        )
        return [Rule(self.name, self.table, broken.as_string())]

    def apply(self, context: Context) -> None:
        """Do what is missing.

        Raises:
            UnsafeError: Rows refer to what is not there, or another constraint has its name.
            LockTimeoutError: A lock was not obtained in time.
        """
        while True:
            with context.database.transaction(read_only=True) as conn:
                if self._holds(conn):
                    break
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
        with context.database.transaction(read_only=True) as conn:
            replaced = self._replaced(conn)
        if replaced:
            constraints.brief(
                context,
                lambda conn: self._drops() if self._replaced(conn) else [],
                what=f"drop foreign key {self.replaces}",
                tables=[self.references, self.table],
                mode="ACCESS EXCLUSIVE",
            )

    def statements(self) -> list[str]:
        """Return the SQL, for a table without partitions."""
        return [
            self._definition(self.table, valid=False).as_string(),
            constraints.validation(self.table, [self.name]).as_string(),
            *(f"-- squawk-ignore ban-drop-constraint\n{one.as_string()}" for one in self._drops()),
        ]

    def _holds(self, conn: psycopg.Connection) -> bool:
        """Whether the table has it, validated."""
        [own] = constraints.on_table(self._read(conn))
        self._refuse_another(conn, own)
        return own.kind == "f" and own.validated is True

    def _replaced(self, conn: psycopg.Connection) -> bool:
        """Whether the table still has the key that it replaces."""
        if self.replaces is None:
            return False
        [other] = constraints.on_table(constraints.read(conn, self.table, [self.replaces]))
        return other.kind == "f"

    def _drops(self) -> list[sql.Composed]:
        """Return what drops the key that it replaces, if it replaces one."""
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        names = [] if self.replaces is None else [self.replaces]
        return [drop.format(identifier(self.table), identifier(name)) for name in names]

    def _refuse_another(self, conn: psycopg.Connection, found: Found) -> None:
        """Raise if a table or partition has another constraint of that name."""
        if found.kind is None:
            return
        row = conn.execute(
            "SELECT pg_catalog.quote_ident(%s), ARRAY(SELECT pg_catalog.quote_ident(name)"
            " FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY AS u (name, n) ORDER BY n)",
            [self.references, _names(self.columns) + _names(self.referred)],
        ).fetchone()
        if row is None:
            raise AssertionError  # a SELECT without FROM has a row
        table, quoted = row
        own, referred = quoted[: len(quoted) // 2], quoted[len(quoted) // 2 :]
        wanted = f"FOREIGN KEY ({', '.join(own)}) REFERENCES {table}({', '.join(referred)})"
        wanted += "".join(
            f" ON {event} {action}"
            for event, action in (("UPDATE", self.on_update), ("DELETE", self.on_delete))
            if action != "NO ACTION"
        )
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
        own, referred = (
            sql.SQL(", ").join(map(_column, _names(columns)))
            for columns in (self.columns, self.referred)
        )
        definition = sql.SQL("FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {}").format(
            own, identifier(self.references), referred, sql.SQL(self.on_delete)
        )
        if self.on_update != "NO ACTION":
            definition += sql.SQL(f" ON UPDATE {self.on_update}")
        return constraints.addition(table, self.name, definition.as_string(), valid=valid)


def _column(name: str) -> sql.Composable:
    """Return a column's name as SQL; ``id`` is no word of SQL's."""
    return sql.SQL("id") if name == "id" else identifier(name)


def _names(columns: str) -> list[str]:
    """Return the names in a list of columns."""
    return columns.split(", ")
