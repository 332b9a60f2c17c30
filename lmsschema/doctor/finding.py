"""What the doctor finds: something that needs a hand, or is worth knowing."""

import dataclasses
from datetime import timedelta

from psycopg import sql


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that a DBA should know.

    Attributes:
        topic: What kind of finding it is: a stable word for programs.
        name: What it is about: an index, a table, a session.
        message: What is so, as a sentence without its end.
        remedy: The commands that mend it, in their order: SQL, or a command of lmsschema's.
        needs_hand: Whether somebody should act; else it is only worth knowing.
        details: The figures, for programs.
    """

    topic: str
    name: str
    message: str
    remedy: tuple[str, ...] = ()
    needs_hand: bool = True
    details: dict[str, object] = dataclasses.field(default_factory=dict)


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


def cut(name: str) -> str:
    """Return a name in the 63 bytes that PostgreSQL takes."""
    return name.encode()[:63].decode(errors="ignore")


def duration(seconds: float) -> str:
    """Return a time in words, in its two largest units: ``2 d 3 h``."""
    left = int(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
