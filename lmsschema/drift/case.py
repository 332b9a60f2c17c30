"""What a fix is made of, and the case that one is sought for."""

import dataclasses

from psycopg import sql

from lmsschema.database.catalog import Attributes, Catalog, Identity, Value
from lmsschema.database.quoting import identifier
from lmsschema.ddl.statement import LockedStatement, locked, qualified
from lmsschema.drift.compare import Difference


@dataclasses.dataclass(frozen=True)
class Fix:
    """The statements that undo a difference, or the reason why none are given."""

    statements: tuple[LockedStatement, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Case:
    """A difference with both sides of its object.

    Attributes:
        difference: The difference.
        expected: The objects that were expected.
        actual: The database's objects.
        schema: The schema that they are in.
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
        """The object's attributes as declared; none if it is not."""
        return self.expected.objects.get(self.identity, {})

    @property
    def found(self) -> Attributes:
        """Its attributes in the database; none if it is missing."""
        return self.actual.objects.get(self.identity, {})

    @property
    def partitioned(self) -> bool:
        """Whether its table is partitioned."""
        relation = self.identity.relation
        table = self.actual.objects.get(Identity(relation, "table", relation), {})
        return table.get("partition key") is not None

    @property
    def partitions(self) -> list[str]:
        """The names of its table's partitions."""
        return sorted(
            identity.name
            for identity, attributes in self.actual.objects.items()
            if attributes.get("partition of") == self.identity.relation
        )

    @property
    def own_name(self) -> str:
        """What the database calls the object."""
        return str(self.found.get("own name") or self.identity.name)

    @property
    def table(self) -> sql.Composable:
        """The table that it is on."""
        return qualified(self.schema, self.identity.relation)

    @property
    def name(self) -> sql.Composable:
        """Its name, as it stands in an ALTER of its table."""
        return identifier(self.own_name)

    @property
    def full_name(self) -> sql.Composable:
        """Its name, as that of an object of the schema."""
        return qualified(self.schema, self.own_name)

    def alter(self, lock: str, text: str, *parts: sql.Composable) -> LockedStatement:
        """Return an ALTER of the table; ``text`` is what follows its name."""
        return locked(lock, "ALTER TABLE {} {}", self.table, sql.SQL(text).format(*parts))


def printed(value: Value) -> sql.SQL:
    """Return what PostgreSQL itself printed, to be read by it again."""
    return sql.SQL(str(value))
