"""How far the rollups are."""

import dataclasses
from datetime import datetime

from psycopg import errors

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import LmsschemaError


@dataclasses.dataclass(frozen=True)
class Queue:
    """Recalculations of one kind that are due.

    Attributes:
        kind: Of what.
        entries: How many.
        age: For how many seconds the oldest has been due; None if there is none.
    """

    kind: str
    entries: int
    age: float | None


@dataclasses.dataclass(frozen=True)
class RollupStatus:
    """How far the rollups are.

    Attributes:
        watermark: Events that came until then are taken up; None: none ever were.
        age: How many seconds ago that is.
        queues: What is due, by kind.
    """

    watermark: datetime | None
    age: float | None
    queues: tuple[Queue, ...]

    def is_behind(self, limit: float) -> bool:
        """Whether anything has been due for more than some seconds."""
        ages = [queue.age for queue in self.queues if queue.age is not None]
        return self.age is None or max([self.age, *ages]) > limit


def read(database: Database) -> RollupStatus:
    """Return how far the rollups are.

    Raises:
        LmsschemaError: The schema has none.
    """
    try:
        with database.transaction(read_only=True) as conn:
            rows = conn.execute(query("rollup/status")).fetchall()
    except (errors.UndefinedObject, errors.UndefinedTable) as error:
        raise LmsschemaError(
            f"schema {database.schema} of {database.target} has no rollups",
            hint="Bring it to the newest revision: lmsschema upgrade",
        ) from error
    [(watermark, age)] = [row[1:3] for row in rows if row[0] == "events"]
    queues = (Queue(kind, entries, old) for kind, _, old, entries in rows if kind != "events")
    return RollupStatus(watermark, age, tuple(sorted(queues, key=lambda queue: queue.kind)))
