"""The fix of a difference, and the case: a difference together with both sides."""

import dataclasses

from psycopg import sql

from lmsschema.database.catalog import Attributes, Catalog, Identity, Value
from lmsschema.database.quoting import identifier
from lmsschema.ddl.statement import LockedStatement, locked, qualified
from lmsschema.drift.compare import Difference


@dataclasses.dataclass(frozen=True)
class Fix:
    """The statements that fix a difference, or the reason why there are none."""

    statements: tuple[LockedStatement, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Case:
    """A difference, with the declared objects and the database's objects.

    Attributes:
        difference: The difference.
        expected: The declared objects.
        actual: The database's objects.
        schema: The schema of these objects.
    """

    difference: Difference
    expected: Catalog
    actual: Catalog
    schema: str

    @property
    def identity(self) -> Identity:
        """The object."""
        return self.difference.identity

    @property
    def declared(self) -> Attributes:
        """The object's declared attributes; empty if the object is not declared."""
        return self.expected.objects.get(self.identity, {})

    @property
    def found(self) -> Attributes:
        """The object's attributes in the database; empty if the object is missing."""
        return self.actual.objects.get(self.identity, {})

    @property
    def partitioned(self) -> bool:
        """Whether the object's table is partitioned."""
        relation = self.identity.relation
        table = self.actual.objects.get(Identity(relation, "table", relation), {})
        return table.get("partition key") is not None

    @property
    def partitions(self) -> list[str]:
        """The names of the partitions of the object's table."""
        return sorted(
            identity.name
            for identity, attributes in self.actual.objects.items()
            if attributes.get("partition of") == self.identity.relation
        )

    @property
    def own_name(self) -> str:
        """The object's name in the database."""
        return str(self.found.get("own name") or self.identity.name)

    @property
    def table(self) -> sql.Composable:
        """The object's table, qualified with the schema."""
        return qualified(self.schema, self.identity.relation)

    @property
    def name(self) -> sql.Composable:
        """The object's name, unqualified, as in ALTER TABLE."""
        return identifier(self.own_name)

    @property
    def full_name(self) -> sql.Composable:
        """The object's name, qualified with the schema."""
        return qualified(self.schema, self.own_name)

    def alter(self, lock: str, text: str, *parts: sql.Composable) -> LockedStatement:
        """Return an ALTER TABLE statement.

        Args:
            lock: The lock that the statement takes.
            text: The statement's text after the table's name, with ``{}`` for each part.
            parts: Names and values for the text.
        """
        return locked(lock, "ALTER TABLE {} {}", self.table, sql.SQL(text).format(*parts))


def printed(value: Value) -> sql.SQL:
    """Return text that PostgreSQL has printed as SQL, unchanged."""
    return sql.SQL(str(value))
