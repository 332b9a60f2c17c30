"""What a run computes, in its order."""

import dataclasses

from psycopg import sql

from lmsschema.database.queries import query


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a run, done in steps.

    Attributes:
        name: What it computes.
        step: The query of one step. Its row: whether there is more, NULL if another run is at work;
            how many rows were written, or entries of the queue taken.
    """

    name: str
    step: sql.SQL


def _of_queue(name: str, function: str) -> Stage:
    """Return the stage of a function that takes entries of a queue."""
    text = "SELECT n > 0 AS is_more, n FROM {}() AS n"
    return Stage(name, sql.SQL(sql.SQL(text).format(sql.Identifier(function)).as_string()))


EVENTS = Stage("events", query("rollup/events"))

#: A stage comes after those whose tables it reads.
STAGES = (
    EVENTS,
    _of_queue("progress", "recalculate_progress"),
    _of_queue("grades", "recalculate_grades"),
    _of_queue("analytics", "recalculate_analytics"),
    _of_queue("learners", "recalculate_learners"),
)
