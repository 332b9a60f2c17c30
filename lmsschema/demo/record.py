"""What a database says of the synthetic data in it, and what is refused for it."""

import dataclasses
from typing import Any

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.demo.shape import FORM, Shape
from lmsschema.errors import LmsschemaError, UnsafeError


@dataclasses.dataclass(frozen=True)
class Begun:
    """How far a database has the data that is asked for.

    Attributes:
        begun: Whether some of it is there.
        complete: Whether all of it is.
    """

    begun: bool
    complete: bool


def read(database: Database, shape: Shape, *, allow_users: bool) -> Begun:
    """Return how far the database has the data; refuse to add it to what does not go with it.

    Raises:
        UnsafeError: The schema has users, or data of the same seed that was asked for otherwise.
    """
    with database.transaction(read_only=True) as conn:
        row = conn.execute(query("demo/standing"), {"seed": str(shape.seed)}).fetchone()
    if row is None:  # a SELECT without FROM has a row
        raise LmsschemaError("the server did not say what data there is")
    demos, complete, has_users = row
    if shape.data() in demos:
        return Begun(begun=True, complete=complete)
    where = f"schema {database.schema} of {database.target}"
    if any(one.get("seed") == shape.seed for one in demos):
        raise UnsafeError(
            f"{where} has data of seed {shape.seed} that was asked for otherwise",
            hint=_hint(demos),
            details={"found": demos},
        )
    if has_users and not allow_users:
        raise UnsafeError(
            f"{where} has users",
            hint=_hint(demos)
            or "Take another database (lmsschema createdb NAME), or add to it with --allow-users.",
            details={"found": demos},
        )
    return Begun(begun=False, complete=False)


def command(asked: dict[str, Any]) -> str:
    """Return the command that asks for data as a database records it."""
    keys = ("events", "seed", "until", "institutions")
    return "lmsschema demo " + " ".join(f"--{key} {asked.get(key)}" for key in keys)


def _hint(demos: list[dict[str, Any]]) -> str:
    known = [command(one) for one in demos if one.get("form") == FORM]
    said = f"What is there was asked for by: {'; '.join(known)}"
    other = "For other data take another database: lmsschema createdb NAME"
    return f"{said}. If that was interrupted, run it again. {other}" if known else ""
