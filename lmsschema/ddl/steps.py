"""How a revision is made of lock-safe steps: each done or not by what the catalogs say.

A revision says ``STEPS = (...)`` and ``steps.apply(op, STEPS)``. It may be cut short at any
instant: the database stays at the revision before, and the next run does what is missing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import psycopg

from lmsschema import db
from lmsschema.db import Database
from lmsschema.ddl.locks import DEFAULT_PATIENCE, Patience, Progress
from lmsschema.ddl.rules import Rule, refuse_violations


class Step(Protocol):
    """One lock-safe operation; ``str`` of it is what it makes."""

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the catalogs say that it is done; names resolve in the schema."""

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that it brings, which the rows are not known to keep."""

    def apply(self, database: Database, patience: Patience = ..., progress: Progress = ...) -> None:
        """Do what is missing of it."""

    def statements(self) -> list[str]:
        """Return it as SQL, for a script."""


class Operations(Protocol):
    """What is needed of ``alembic.op``."""

    def execute(self, sqltext: str) -> None:
        """Execute a statement, or write it into the script."""

    def get_context(self) -> Any:  # noqa: ANN401  Alembic's; it is not imported here
        """Return Alembic's context."""


def apply(op: Operations, steps: Sequence[Step]) -> None:
    """Apply the steps of a revision, or write them into its script.

    Before the first, all rows are held against all rules that the steps bring.

    Raises:
        UnsafeError: Rows break a rule; nothing was changed by this run.
        LockTimeoutError: A lock was not got in time; the steps before are in place.
    """
    context = op.get_context()
    if context.as_sql:
        with context.autocommit_block():
            for statement in _statements(steps):
                op.execute(statement)
    elif context._in_external_transaction:  # noqa: SLF001  there is no other way to know
        # somebody rehearses it in a transaction of their own, on tables without rows
        for statement in _statements(steps):
            op.execute(statement.replace(" CONCURRENTLY", ""))
    else:
        lent = context.connection.info["database"]
        attributes = context.config.attributes
        with context.autocommit_block():
            try:
                run(
                    lent,
                    steps,
                    attributes.get("patience", DEFAULT_PATIENCE),
                    attributes.get("notify", lambda _: None),
                )
            finally:
                if not lent.conn.closed:
                    lent.conn.read_only = None  # Alembic's next transaction writes the version


def run(
    database: Database,
    steps: Sequence[Step],
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress = lambda _: None,
) -> None:
    """Hold the rows against the rules, then apply the steps that are not done.

    Raises:
        UnsafeError: Rows break a rule; nothing was changed.
        LockTimeoutError: A lock was not got in time; the steps before are in place.
        LmsschemaError: A statement failed; likewise.
    """
    with db.translated(database.target):
        with database.transaction(read_only=True) as conn:
            missing = [step for step in steps if not step.done(conn)]
            rules = [rule for step in missing for rule in step.rules(conn)]
        refuse_violations(database, rules)
    for step in missing:
        try:
            step.apply(database, patience, progress)
        except psycopg.Error as error:
            meant = db.translate(error, database.target)
            raise type(meant)(
                f"{step} failed: {meant.message}",
                hint="What was done before is in place; run the command again once the reason is "
                f"mended. {meant.hint}".rstrip(),
                details=meant.details | {"step": str(step)},
            ) from error


def _statements(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        yield from step.statements()
