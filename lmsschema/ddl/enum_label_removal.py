"""A label that no row has, removed from an enumeration beside the users of its tables.

PostgreSQL can't drop a label. So an enumeration without it is made, each column gets a sister of
the new type, a trigger keeps both alike, the rows that are there are filled in batches, and at the
end the new columns, indexes and type take the places and names of the old ones.

Locks:
  - ACCESS EXCLUSIVE on a table and its partitions, for the moment of adding the columns, a CHECK
    NOT VALID and the trigger, one table after the other;
  - none but a writer's while rows are filled (:mod:`lmsschema.ddl.backfill`);
  - SHARE UPDATE EXCLUSIVE while the CHECK is validated and the new columns are analyzed;
  - those of :mod:`lmsschema.ddl.index` and :mod:`lmsschema.ddl.partitioned_index`, for an index;
  - ACCESS EXCLUSIVE on all tables with such columns, their partitions and the old indexes on these,
    SHARE UPDATE EXCLUSIVE on the new ones, for the moment of the exchange, in which no row is read.
    It is one transaction: a client may write 'student'::user_role to any of them, before and after.

What changes:
  - The columns move to the end of their tables, in the order they had; the declared tables follow.
  - The type gets another OID. Statements that clients prepared with a parameter of the type, or
    that return such a column, fail until they are prepared anew: have clients connect again.
  - Each row is written once. BEFORE triggers for updates fire, but nothing that they do to the row
    is kept: updated_at stays. AFTER triggers see an update that changed the new column alone.

While it goes on, the new column is seen in SELECT *, COPY without a list of columns wants it, a
subscriber to a publication of the table has to have it, and who writes the label gets PostgreSQL's
error for a value that the (new) enumeration does not have. A transaction of a client that is
REPEATABLE READ may find that the backfill has written a row of its own.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from lmsschema.database.connection import Database
from lmsschema.ddl import backfill, constraints, label_guard, label_state
from lmsschema.ddl.backfill import Backfill
from lmsschema.ddl.enum_label import labels
from lmsschema.ddl.label_state import Table
from lmsschema.ddl.rules import Rule, refuse_violations
from lmsschema.errors import LmsschemaError, UnsafeError
from lmsschema.locks import ladder
from lmsschema.locks.ladder import DEFAULT_PATIENCE, Patience, Progress

#: How often it is looked over again what came meanwhile: partitions, columns of the type.
_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class RemoveLabel:
    """A label that an enumeration is not to have any more; no row has it.

    Carried over are NOT NULL, a default that is a label, comments, statistics targets and options
    of the columns; plain B-tree indexes; the type's comment, owner and grants. Whatever else
    depends on the columns or on the type is refused beforehand: keys, CHECKs, views, functions …

    Attributes:
        type: The enumeration.
        label: The label.
    """

    type: str
    label: str

    def __str__(self) -> str:
        return f"removal of label {self.label} of {self.type}"

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the enumeration does not have it.

        Raises:
            UnsafeError: There is no such enumeration.
        """
        label_state.new_type(conn, self.type)
        return self.label not in labels(conn, self.type)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that no row has the label.

        Raises:
            UnsafeError: Something depends on the type or its columns that would not be carried
                over.
        """
        if self.done(conn):
            return []
        label_state.refuse_dependents(conn, self.type, self.label)
        return [
            Rule(
                f"{table.name}.{column.name} without {self.label}",
                table.name,
                label_state.condition(column.name, self.label),
            )
            for table in label_state.tables(conn, self.type)
            for column in table.columns
        ]

    def apply(
        self,
        database: Database,
        patience: Patience = DEFAULT_PATIENCE,
        progress: Progress = lambda _: None,
    ) -> None:
        """Do what is missing.

        Raises:
            UnsafeError: Rows have the label, or something would be lost; nothing was changed,
                unless it came after it was begun.
            LockTimeoutError: A lock was not got in time; the next run goes on from there.
        """
        with database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
            rules = self.rules(conn)
        refuse_violations(database, rules)
        self._make_type(database)
        for _ in range(_ROUNDS):
            with database.transaction(read_only=True) as conn:
                lacking = [t.name for t in label_state.tables(conn, self.type) if not t.is_expanded]
            for name in lacking:
                self._expand(database, name, patience, progress)
            with database.transaction(read_only=True) as conn:
                tables, rules = label_state.tables(conn, self.type), self.rules(conn)
            for table in tables:
                self._fill(database, table, rules, patience, progress)
            with database.transaction(read_only=True) as conn:
                indexes = label_state.indexes(conn, self.type)
            for index in indexes:
                index.apply(database, patience, progress)
            for table in tables:
                _analyze(database, table, patience, progress)
            if self._exchange(database, [table.name for table in tables], patience, progress):
                return
        raise LmsschemaError(
            f"the tables of {self.type} are changed again and again",
            hint="Run the command again when nobody else changes them.",
        )

    def statements(self) -> list[str]:
        """Return the SQL: one statement, as only the database knows the columns and the labels."""
        return [
            "-- upgrade writes the rows in batches, beside the users of the tables; this stops\n"
            "-- them, and writes the tables with columns of the type anew\n"
            + label_state.script(self.type, self.label)
        ]

    def _make_type(self, database: Database) -> None:
        """Make the enumeration without the label unless it is there."""
        with database.transaction() as conn:
            new = label_state.new_type(conn, self.type)
            kept = [label for label in labels(conn, self.type) if label != self.label]
            there = labels(conn, new)
            if not there:
                conn.execute(
                    sql.SQL("CREATE TYPE {} AS ENUM ({})").format(
                        sql.Identifier(new), sql.SQL(", ").join(map(sql.Literal, kept))
                    )
                )
            elif there != kept:
                raise UnsafeError(
                    f"{new}, which is to take the place of {self.type}, has other labels: "
                    + ", ".join(there),
                    hint="The removal of another label was begun: finish it first.",
                )

    def _expand(
        self, database: Database, name: str, patience: Patience, progress: Progress
    ) -> None:
        """Add the new columns of a table, empty, and what keeps them like the old ones."""

        def statements(conn: psycopg.Connection) -> list[sql.Composed]:
            found = [one for one in label_state.tables(conn, self.type) if one.name == name]
            return [label_guard.expansion(table) for table in found if not table.is_expanded]

        constraints.brief(
            database,
            statements,
            what=f"add columns to {name}",
            tables=[name],
            mode="ACCESS EXCLUSIVE",
            patience=patience,
            progress=progress,
        )

    def _fill(
        self,
        database: Database,
        table: Table,
        rules: Sequence[Rule],
        patience: Patience,
        progress: Progress,
    ) -> None:
        """Fill the new columns, and have PostgreSQL see that they are."""
        with database.transaction(read_only=True) as conn:
            found = constraints.read(conn, table.name, [table.check])
        for one in found:
            if not one.validated and not one.is_partitioned:
                try:
                    backfill.run(
                        database,
                        Backfill(one.table, table.values, table.differs),
                        f"fill new columns of {one.table}",
                        patience,
                        progress,
                    )
                except errors.InvalidTextRepresentation:
                    refuse_violations(database, rules)
                    raise  # whoever wrote the row has taken it back meanwhile
        constraints.validate(
            database,
            table.name,
            [table.check],
            [table.agreement],
            patience=patience,
            progress=progress,
        )

    def _exchange(
        self, database: Database, names: Sequence[str], patience: Patience, progress: Progress
    ) -> bool:
        """Exchange columns, indexes and types; return False if others came that are not filled."""
        statements: list[str] = []

        def prepare(conn: psycopg.Connection) -> None:
            """Keep all other DDL away, and find out what is to be done, while clients go on."""
            statements.clear()
            if names:
                conn.execute(
                    sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(
                        sql.SQL(", ").join(map(sql.Identifier, names))
                    )
                )
            if self._ready(conn, names):
                label_state.refuse_dependents(conn, self.type, self.label)
                statements.extend(label_state.swap(conn, self.type))

        def work(conn: psycopg.Connection) -> bool:
            if statements:
                conn.execute(sql.SQL("; ".join(statements)))
            return bool(statements)

        return ladder.step(
            database,
            work,
            what=f"exchange columns for the {self}",
            # what prepare did not get is named by it
            locks=lambda: constraints.whole(
                database, names, "ACCESS EXCLUSIVE" if statements else "SHARE UPDATE EXCLUSIVE"
            ),
            prepare=prepare,
            patience=patience,
            progress=progress,
        )

    def _ready(self, conn: psycopg.Connection, names: Sequence[str]) -> bool:
        """Whether the columns of these tables are filled, all indexes built, and no others left."""
        tables = label_state.tables(conn, self.type)
        checks = [
            one for table in tables for one in constraints.read(conn, table.name, [table.check])
        ]
        return (
            [table.name for table in tables] == list(names)
            and all(table.is_expanded for table in tables)
            and all(one.validated for one in checks)
            and all(index.done(conn) for index in label_state.indexes(conn, self.type))
        )


def _analyze(database: Database, table: Table, patience: Patience, progress: Progress) -> None:
    """Have the planner know the new columns before they are used."""
    statement = sql.SQL("ANALYZE {} ({})").format(
        sql.Identifier(table.name),
        sql.SQL(", ").join(sql.Identifier(column.new) for column in table.columns),
    )
    ladder.step(
        database,
        lambda conn: conn.execute(statement),
        what=f"analyze {table.name}",
        locks=lambda: constraints.whole(database, [table.name], "SHARE UPDATE EXCLUSIVE"),
        patience=patience,
        progress=progress,
    )
