"""What the doctor finds: something that somebody must act on, or that is worth knowing."""

import dataclasses
from datetime import timedelta

from psycopg import sql

from lmsschema.ddl.statement import LockedStatement, with_timeouts


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that a DBA should know.

    Attributes:
        topic: What kind of finding it is: a stable word for programs.
        name: What it is about: an index, a table, a session.
        message: What is so, as a sentence without its end.
        commands: What ends it beside the statements: SQL, or a command of lmsschema's.
        action_required: Whether somebody must act; else it is only worth knowing.
        details: The figures, for programs.
        statements: What ends it, in its order, each with the lock that it takes.
    """

    topic: str
    name: str
    message: str
    commands: tuple[str, ...] = ()
    action_required: bool = True
    details: dict[str, object] = dataclasses.field(default_factory=dict)
    statements: tuple[LockedStatement, ...] = ()

    @property
    def remedy(self) -> tuple[str, ...]:
        """What ends it, as it is run: with the lock timeout of each statement before it."""
        return (*with_timeouts(self.statements), *self.commands)

    def data(self) -> dict[str, object]:
        """Return it for ``--json``."""
        return {
            "topic": self.topic,
            "name": self.name,
            "message": self.message,
            "remedy": self.remedy,
            "statements": [one.data() for one in self.statements],
            "action_required": self.action_required,
            "needs_hand": self.action_required,  # its name of an earlier release
            "details": self.details,
        }


@dataclasses.dataclass(frozen=True)
class Limits:
    """From where on something is worth a finding.

    Attributes:
        age: Of a transaction, or of a run that does nothing.
        rows: Of a table (estimated) whose foreign key has no index: below, it is only worth
            knowing.
        pages: Of an index that nobody used, 8 kB each: below, nobody cares.
        kept: Time for which statistics must have been kept to call an index unused.
        xids: Transactions, or multixacts, since rows were frozen. PostgreSQL stops taking writes
            at about 2.1 billion.
    """

    age: timedelta = timedelta(minutes=15)
    rows: int = 10_000
    pages: int = 128
    kept: timedelta = timedelta(days=7)
    xids: int = 1_000_000_000


def command(text: str, *names: sql.Composable) -> str:
    """Return a statement with names put in for ``{}``, ended by a semicolon."""
    return sql.SQL(text + ";").format(*names).as_string()


def duration(seconds: float) -> str:
    """Return a time in words, in its two largest units: ``2 d 3 h``."""
    left = int(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
