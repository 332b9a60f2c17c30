"""How a revision is made of lock-safe steps: each done or not by what the catalogs say.

A revision says ``STEPS = (...)`` and ``steps.apply(op, STEPS)``. It may be interrupted at any
instant: the database stays at the revision before, and the next run does what is missing.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol

import psycopg
from psycopg import errors

from lmsschema.database import sqlstate
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.ddl.rules import Rule, refuse_violations
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import DEFAULT_PATIENCE, Context, silent


class Step(Protocol):
    """One lock-safe operation; ``str`` of it is what it makes."""

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether the catalogs say that it is done; names resolve in the schema."""

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that it brings, which the rows are not known to keep."""

    def apply(self, context: Context) -> None:
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
        LockTimeoutError: A lock was not obtained in time; the steps before are in place.
    """
    context = op.get_context()
    if context.as_sql:
        with context.autocommit_block():
            for statement in _statements(steps):
                op.execute(statement)
    elif context._in_external_transaction:  # noqa: SLF001  there is no other way to know
        if "database" not in context.connection.info:
            raise UnsafeError(
                "steps can't be applied in a transaction that env.py has begun: they commit",
                hint="Give configure() a connection of engine.connect(), not of engine.begin().",
            )
        # it is rehearsed in a transaction of our own, on tables without rows
        for statement in in_a_transaction(steps):
            op.execute(statement)
    else:
        attributes = context.config.attributes
        with context.autocommit_block(), _lent(context) as lent:
            run(
                Context(
                    lent,
                    attributes.get("patience", DEFAULT_PATIENCE),
                    attributes.get("tell", silent),
                ),
                steps,
                at_once=attributes.get("at_once", True),
                before_each=attributes.get("before_each", lambda: None),
            )


@contextlib.contextmanager
def _lent(context: Any) -> Iterator[Database]:  # noqa: ANN401  as above
    """Lend the database: the connection's own, or what an application's env.py lends."""
    own = context.connection.info.get("database")
    lend = context.opts.get("lend_database")
    if own is not None:
        yield own
    elif lend is not None:
        with lend() as database:
            yield database
    else:
        raise UnsafeError(
            "steps need a database of lmsschema's, and env.py lends none",
            hint="In env.py call lmsschema.alembic.configure(...) instead of "
            "context.configure(...); docs/extensions.md shows it.",
        )


def run(
    context: Context,
    steps: Sequence[Step],
    *,
    at_once: bool = False,
    before_each: Callable[[], None] = lambda: None,
) -> None:
    """Hold the rows against the rules, then apply the steps that are not done.

    The rules of what an earlier step makes, a new column say, are looked at after that step.

    Args:
        context: Where; how long each waits for its locks; told what is done, and who blocks it.
        steps: In their order.
        at_once: Whether all may be done in one transaction where no table of the schema has ever
            had a row: nothing is read then, so that no lock is held for longer than an instant.
        before_each: Called before each step; what it raises ends the run.

    Raises:
        UnsafeError: Rows break a rule, or something else has the name of what a step makes; nothing
            was changed, except by steps before the one that the rule needs.
        LockNotAvailable: A table could not be read; nothing was changed.
        LockTimeoutError: A lock was not obtained in time; the steps before are in place.
        LmsschemaError: A statement failed; likewise.
    """
    database = context.database
    with _looking(database):
        missing, untouched = _missing(database, steps)
    if at_once and untouched:  # no row can break a rule
        with sqlstate.translated(database.target):
            if _apply_at_once(context, steps):
                return
    with _looking(database):
        later = refuse_violations(database, _rules(database, missing), may_wait=True)
    for step in missing:
        before_each()
        try:
            if any(rule in later for rule in _rules(database, [step])):
                refuse_violations(database, _rules(database, [step]))
            step.apply(context)
        except psycopg.Error as error:
            meant = sqlstate.translate(error, database.target)
            raise type(meant)(
                f"{step} failed: {meant.message}",
                hint="What was done before is in place; run the command again once the reason is "
                f"mended. {meant.hint}".rstrip(),
                details=meant.details | {"step": str(step)},
            ) from error


def look(database: Database, steps: Sequence[Step], to_come: Collection[str] = ()) -> None:
    """Raise what :func:`run` would raise before it changes anything.

    Args:
        database: Where.
        steps: In their order.
        to_come: Tables that are made before the steps are run; what is about them is left out.

    Raises:
        UnsafeError: Rows break a rule, a table is missing, or something else has the name of what a
            step makes.
    """
    about = [step for step in steps if getattr(step, "table", None) not in to_come]
    with _looking(database):
        missing, _ = _missing(database, about)
        refuse_violations(database, _rules(database, missing), may_wait=True)


@contextlib.contextmanager
def _looking(database: Database) -> Iterator[None]:
    """Turn the driver's errors into lmsschema's, but a lock timeout: one may try again."""
    try:
        yield
    except errors.LockNotAvailable:
        raise
    except psycopg.Error as error:
        raise sqlstate.translate(error, database.target) from error


def _missing(database: Database, steps: Sequence[Step]) -> tuple[list[Step], bool]:
    """Return the steps that are not done; and whether none is, and no table ever had a row."""
    with database.transaction(read_only=True) as conn:
        missing = [step for step in steps if not step.done(conn)]
        none_done = len(missing) == len(steps)
        return missing, (
            none_done and conn.execute(query("ddl/schema_untouched")).fetchone() == (True,)
        )


def _rules(database: Database, steps: Sequence[Step]) -> list[Rule]:
    """Return the rules that steps bring, as the database is now."""
    with database.transaction(read_only=True) as conn:
        return [rule for step in steps for rule in step.rules(conn)]


def _apply_at_once(context: Context, steps: Sequence[Step]) -> bool:
    """Apply all steps in a transaction; False if they have to be done one by one.

    Its locks were not obtained, or a step uses the label of an enumeration that one before it adds.
    Nothing was done then.
    """
    try:
        with context.database.transaction(lock_timeout=context.patience.longest) as conn:
            conn.execute("; ".join(in_a_transaction(steps)).encode())
    except (errors.LockNotAvailable, errors.DeadlockDetected, errors.UnsafeNewEnumValueUsage):
        return False
    return True


def in_a_transaction(steps: Sequence[Step]) -> list[str]:
    """Return the steps' SQL for tables without rows, where nothing needs to be concurrent."""
    return [statement.replace(" CONCURRENTLY", "") for statement in _statements(steps)]


def _statements(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        yield from step.statements()
