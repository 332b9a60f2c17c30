"""One statement, run unless its step is done already."""

import abc
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.ddl import constraints
from lmsschema.ddl.rules import Rule
from lmsschema.locks.context import Context
from lmsschema.locks.ladder import Mode


class Once(abc.ABC):
    """A step of one statement, whose rows have no new rule to keep."""

    @abc.abstractmethod
    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the catalogs say that it is done; names resolve in the schema."""

    @abc.abstractmethod
    def statement(self) -> sql.Composed:
        """Return the statement."""

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:  # noqa: ARG002  as every step's
        """Return none."""
        return []

    def statements(self) -> list[str]:
        """Return the SQL."""
        return [self.statement().as_string()]


def without_lock(database: Database, step: Once) -> None:
    """Run the statement of a step that locks no table, unless it is done."""
    with database.transaction() as conn:
        if not step.done(conn):
            conn.execute(step.statement())


def with_lock(
    context: Context,
    step: Once,
    table: str,
    mode: Mode,
) -> None:
    """Run the statement of a step with its table locked for a moment, unless it is done.

    Raises:
        LockTimeoutError: The lock was not obtained in time.
    """
    constraints.brief(
        context,
        lambda conn: [] if step.done(conn) else [step.statement()],
        what=f"make {step}",
        tables=[table],
        mode=mode,
    )
