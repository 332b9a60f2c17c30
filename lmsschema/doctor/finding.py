"""Findings: problems that require action, and facts that are worth knowing."""

import dataclasses
from datetime import timedelta

from psycopg import sql

from lmsschema.ddl.statement import LockedStatement, with_timeouts


@dataclasses.dataclass(frozen=True)
class Finding:
    """A finding.

    Attributes:
        topic: The kind of finding: a stable word for programs.
        name: The object concerned: an index, a table, a session.
        message: The rest of a sentence that begins with the name, without a full stop.
        commands: Further commands that fix it: SQL, or commands of lmsschema.
        action_required: Whether action is required; else it is only worth knowing.
        details: The figures, for programs.
        statements: The statements that fix it, in order, each with the lock that it takes.
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
        """The commands that fix it, in order, with a lock timeout before each statement."""
        return (*with_timeouts(self.statements), *self.commands)

    def data(self) -> dict[str, object]:
        """Return the finding as a JSON object."""
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
    """The thresholds of findings.

    Attributes:
        age: Age of a transaction, or idle time of a run.
        rows: Estimated rows of a table whose foreign key has no index; with fewer rows no action
            is required.
        pages: Size of an unused index, in pages of 8 kB; smaller ones are not reported.
        kept: Time since the statistics were reset; before it, no index is called unused.
        xids: Transactions or multixacts since rows were frozen. At about 2.1 billion PostgreSQL
            refuses writes.
        question: Time that each question about rows of the schema's own tables may take.
    """

    age: timedelta = timedelta(minutes=15)
    rows: int = 10_000
    pages: int = 128
    kept: timedelta = timedelta(days=7)
    xids: int = 1_000_000_000
    question: timedelta = timedelta(seconds=2)


def command(text: str, *names: sql.Composable) -> str:
    """Return a statement with a semicolon, with the names in place of ``{}``."""
    return sql.SQL(text + ";").format(*names).as_string()


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``2 d 3 h``."""
    left = int(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
