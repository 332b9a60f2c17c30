"""Runs Alembic on an open database; the one place that configures it."""

import contextlib
import dataclasses
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from lmsschema.database import extensions, settings
from lmsschema.database.connection import Database
from lmsschema.database.settings import LOCK_TIMEOUT
from lmsschema.errors import LmsschemaError
from lmsschema.locks import watcher
from lmsschema.locks.context import Context, Tell
from lmsschema.locks.sessions import Blocker
from lmsschema.migration import revisions
from lmsschema.migration.retry import DEFAULT_RETRY, PASSING, Retry, wait_or_give_up

if TYPE_CHECKING:
    import sqlalchemy
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext, RevisionStep

    from lmsschema.ddl.steps import Step

T = TypeVar("T")
Notify = Tell
Direction = Literal["upgrade", "downgrade"]


@dataclasses.dataclass(frozen=True)
class Applied:
    """A revision that was applied or taken back, and the seconds that it took."""

    revision: str
    seconds: float


def run(
    database: Database,
    direction: Direction,
    steps: Sequence[str],
    on_applied: Callable[[Applied], None],
    *,
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
    at_once: bool = True,
    before_each: Callable[[], None] = lambda: None,
) -> None:
    """Have Alembic apply or take back revisions, each in a transaction of its own.

    A revision that does not get a lock in time is rolled back and tried again.

    Args:
        database: Where.
        direction: Which way.
        steps: The revisions, in the order in which they are applied or taken back.
        on_applied: Told each once it is committed.
        retry: How a revision gets its locks.
        notify: Told who blocks it.
        at_once: Whether a revision made of steps may take them in one transaction where no table
            has ever had a row (:func:`lmsschema.ddl.steps.run`).
        before_each: Called before each revision, and before each step of one; what it raises
            ends the run.

    Raises:
        LockTimeoutError: A revision did not get its locks; those before it are in place.
        LmsschemaError: A statement or a COMMIT failed; its revision is rolled back.
    """
    left = list(steps)
    began = time.monotonic()

    def attempt(blockers: list[Blocker]) -> None:
        def committed(revision: str) -> None:
            nonlocal began
            left.remove(revision)
            blockers.clear()  # they were that revision's
            now = time.monotonic()
            on_applied(Applied(revision, now - began))
            began = now

        with connection(database, retry.lock_timeout) as lent:
            alembic = config(
                connection=lent,
                patience=retry.patience(),
                tell=notify,
                at_once=at_once,
                before_each=before_each,
            )
            _call(alembic, direction, left, lambda _: before_each(), committed)

    _retried(database, lambda: (left[0], len(steps) - len(left)), attempt, retry, notify)


def rehearse(
    database: Database,
    direction: Direction,
    steps: Sequence[str],
    look: Callable[["sqlalchemy.Connection"], T],
    *,
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
) -> T:
    """Run revisions in one transaction that is rolled back; return what ``look`` sees at its end.

    Its locks are waited for as those of the run itself.

    Raises:
        LockTimeoutError: It did not get its locks.
        LmsschemaError: A statement failed; the message names its revision.
    """
    reached = steps[0]

    def before_each(revision: str) -> None:
        nonlocal reached
        reached = revision

    def attempt(_: list[Blocker]) -> T:
        with connection(database, retry.lock_timeout) as lent, lent.begin() as scratch:
            _call(config(connection=lent), direction, steps, before_each, lambda _: None)
            seen = look(lent)
            scratch.rollback()
            return seen

    return _retried(database, lambda: (reached, 0), attempt, retry, notify)


def apply(
    lent: "sqlalchemy.Connection", steps: Sequence[str], on_applied: Callable[[str], None]
) -> None:
    """Apply the first revisions in a connection's open transaction; tells each once it is done."""
    _call(config(connection=lent), "upgrade", steps, lambda _: None, on_applied)


def _end(direction: Direction, revision: str) -> str:
    """Return the revision at which a database is once this one is applied or taken back."""
    return revision if direction == "upgrade" else revisions.parent(revision) or revisions.BASE


def _retried(
    database: Database,
    reached: Callable[[], tuple[str, int]],
    attempt: Callable[[list[Blocker]], T],
    retry: Retry,
    notify: Notify,
) -> T:
    """Return what an attempt returns, made again after a pause where its locks are not obtained.

    Args:
        database: Where.
        reached: Returns the revision that the attempt came to, and how many it has committed: with
            each of these the attempts are counted anew.
        attempt: What to do; given the list of who blocks it.
        retry: How often.
        notify: Told who blocks it.
    """
    import sqlalchemy

    number, before = 0, 0
    while True:
        number += 1
        with watcher.watched(Context(database, tell=notify), retry.lock_timeout) as blockers:
            try:
                return attempt(blockers)
            except (sqlalchemy.exc.DBAPIError, *PASSING) as error:
                failed = error
        revision, committed = reached()
        if committed > before:
            number, before = 1, committed
        wait_or_give_up(database, revision, failed, number, blockers, retry, notify)


def _call(
    settings: "Config",
    direction: Direction,
    steps: Sequence[str],
    before_each: Callable[[str], None],
    after_each: Callable[[str], None],
) -> None:
    """Have Alembic go through revisions, which loads its environment and their files once.

    Args:
        settings: Its configuration, with the connection.
        direction: Which way.
        steps: The revisions, in the order in which they are applied or taken back.
        before_each: Told each revision before it begins.
        after_each: Told each once its transaction is committed, if it has one of its own.
    """
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(settings)
    end = _end(direction, steps[-1])
    # what Alembic's own commands ask
    between = scripts._upgrade_revs if direction == "upgrade" else scripts._downgrade_revs  # noqa: SLF001

    def one_by_one(found: str, _: "MigrationContext") -> "Iterator[RevisionStep]":
        for revision, step in zip(tuple(steps), between(end, found), strict=True):
            before_each(revision)
            yield step
            after_each(revision)  # Alembic asks for the next one after the COMMIT

    with EnvironmentContext(settings, scripts, fn=one_by_one, destination_rev=end):
        scripts.run_env()


def stamp(database: Database, revision: str) -> None:
    """Have Alembic record ``revision`` as the database's."""
    from alembic import command

    with connection(database) as lent:
        command.stamp(config(connection=lent), revision)


def offline(start: str, end: str) -> str:
    """Return the SQL that takes a database from ``start`` to ``end``, transactions included."""
    from alembic import command

    settings = config()
    settings.output_buffer = buffer = io.StringIO()
    command.upgrade(settings, f"{start}:{end}", sql=True)
    return buffer.getvalue()


def steps(pending: Sequence[str]) -> "dict[str, Sequence[Step] | None]":
    """Return the steps that revisions are made of; None for one of statements."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config())
    return {
        revision: getattr(scripts.get_revision(revision).module, "STEPS", None)
        for revision in pending
    }


def new_revision(message: str) -> Path:
    """Write an empty revision after the newest one into the checkout; return its file.

    Raises:
        UsageError: lmsschema runs from an installed package, which is no place for new revisions.
    """
    from alembic import command

    revisions.checkout()
    settings = config()
    settings.set_main_option("file_template", "%%(rev)s")
    with contextlib.redirect_stdout(io.StringIO()):  # Alembic prints what it does
        made = command.revision(settings, message, rev_id=revisions.next_id(message))
    script = made[0] if isinstance(made, list) else made
    if script is None:
        raise LmsschemaError("Alembic wrote no revision")
    revisions.reread()
    return Path(script.path)


def config(**attributes: object) -> "Config":
    """Return Alembic's configuration, with what ``migrations/env.py`` is to find in it."""
    from alembic.config import Config

    settings = Config(attributes=attributes)
    settings.set_main_option("script_location", str(revisions.folder()).replace("%", "%%"))
    return settings


@contextlib.contextmanager
def connection(
    database: Database, lock_timeout: float = LOCK_TIMEOUT
) -> Iterator["sqlalchemy.Connection"]:
    """Lend the database's own connection to SQLAlchemy; every transaction gets our settings."""
    import sqlalchemy
    from sqlalchemy import event, pool

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: database.conn,
        poolclass=pool.StaticPool,
        use_native_hstore=False,
    )

    @event.listens_for(engine, "begin")
    def _begin(begun: sqlalchemy.Connection) -> None:
        path = extensions.path(database.conn, database.schema)  # a revision may install one
        # for steps that run outside of its transaction
        begun.info["database"] = dataclasses.replace(database, path=path)
        state = settings.of_transaction(database.schema, lock_timeout, path).as_string()
        # without parameters no percent sign stands for one: a schema's name may hold it
        row = begun.exec_driver_sql(state, execution_options={"no_parameters": True}).fetchone()
        database.backend.note(None if row is None else tuple(row))

    database.conn.autocommit = False
    try:
        with engine.connect() as lent:
            yield lent
    finally:
        if not database.conn.closed:
            database.conn.rollback()
            database.conn.autocommit = True
