"""What a remedy is made of: statements with their locks, and the case that one is sought for."""

import dataclasses

from psycopg import sql

from lmsschema.database.catalog import Attributes, Identity, Value
from lmsschema.drift.compare import Difference

BRIEFLY = "ACCESS EXCLUSIVE, for a moment: reads and writes wait"
UNNOTICED = "SHARE UPDATE EXCLUSIVE: reads and writes go on"
WRITES_WAIT = "SHARE ROW EXCLUSIVE, for a moment: writes wait"
NO_TABLE = "none on a table"


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement without its semicolon, and the lock that it takes."""

    sql: str
    lock: str

    @property
    def patience(self) -> str:
        """How long it should wait for its lock: not long where others queue behind it."""
        return "2s" if self.lock in {BRIEFLY, WRITES_WAIT} else "10min"


@dataclasses.dataclass(frozen=True)
class Remedy:
    """The statements that undo a difference, or the reason why none are given."""

    statements: tuple[Statement, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Case:
    """A difference with both sides of its object.

    Attributes:
        difference: The difference.
        declared: The object's attributes as declared; none if it is not.
        found: Its attributes in the database; none if it is missing.
        partitioned: Whether its table is partitioned.
    """

    difference: Difference
    declared: Attributes
    found: Attributes
    partitioned: bool

    @property
    def identity(self) -> Identity:
        """The object."""
        return self.difference.identity

    @property
    def table(self) -> sql.Identifier:
        """The table that it is on."""
        return sql.Identifier(self.identity.relation)

    @property
    def name(self) -> sql.Identifier:
        """What the database calls the object."""
        return sql.Identifier(str(self.found.get("own name") or self.identity.name))

    def alter(self, lock: str, text: str, *parts: sql.Composable) -> Statement:
        """Return an ALTER of the table; ``text`` is what follows its name."""
        action = sql.SQL(text).format(*parts)
        return Statement(sql.SQL("ALTER TABLE {} {}").format(self.table, action).as_string(), lock)


def printed(value: Value) -> sql.SQL:
    """Return what PostgreSQL itself printed, to be read by it again."""
    return sql.SQL(str(value))


def statement(text: str, lock: str, *parts: sql.Composable) -> Statement:
    """Return a statement; ``text`` is a constant with a place for each of the parts."""
    return Statement(sql.SQL(text).format(*parts).as_string(), lock)
