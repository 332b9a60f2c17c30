"""Runs Alembic on an open database; the one place that configures it."""

import contextlib
import dataclasses
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from lmsschema.database import connection as connections
from lmsschema.database.connection import LOCK_TIMEOUT, Database
from lmsschema.errors import LmsschemaError
from lmsschema.locks import watcher
from lmsschema.locks.context import Context, Tell
from lmsschema.migration import revisions
from lmsschema.migration.retry import DEFAULT_RETRY, Retry, wait_or_give_up

if TYPE_CHECKING:
    import sqlalchemy
    from alembic.config import Config

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
    end: str,
    steps: list[str],
    on_applied: Callable[[Applied], None],
    *,
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
    at_once: bool = True,
) -> None:
    """Have Alembic apply ``steps``, which end at ``end``, each in a transaction of its own.

    A revision that does not get a lock in time is rolled back and tried again.

    Args:
        database: Where.
        direction: Which way.
        end: The revision to end at.
        steps: The revisions that are applied or taken back on the way, in order.
        on_applied: Told each as it is done.
        retry: How a revision gets its locks.
        notify: Told who is in the way.
        at_once: Whether a revision made of steps may take them in one transaction where no table
            has ever had a row (:func:`lmsschema.ddl.steps.run`).

    Raises:
        LockTimeoutError: A revision did not get its locks; those before it are in place.
        LmsschemaError: A statement failed; its revision is rolled back.
    """
    import sqlalchemy

    done: list[str] = []
    attempt = 0
    while True:
        before = len(done)
        with watcher.watched(Context(database, tell=notify), retry.lock_timeout) as in_the_way:
            try:
                _run_once(
                    database,
                    direction,
                    end,
                    steps,
                    done=done,
                    on_applied=on_applied,
                    retry=retry,
                    notify=notify,
                    at_once=at_once,
                )
            except sqlalchemy.exc.DBAPIError as error:
                failed = error
            else:
                return
        if failed.statement is None and len(done) > before:
            done.pop()  # its commit failed
        attempt = 1 if len(done) > before else attempt + 1
        revision = steps[min(len(done), len(steps) - 1)]
        wait_or_give_up(database, revision, failed, attempt, in_the_way, retry, notify)


def rehearse(
    database: Database,
    direction: Direction,
    end: str,
    revision: str,
    look: Callable[["sqlalchemy.Connection"], T],
    *,
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
) -> T:
    """Run Alembic in a transaction that is rolled back; return what ``look`` sees at its end.

    Its locks are waited for as those of the run itself; messages name ``revision``, the first.

    Raises:
        LockTimeoutError: It did not get its locks.
        LmsschemaError: A statement failed.
    """
    import sqlalchemy
    from alembic import command

    attempt = 0
    while True:
        attempt += 1
        with watcher.watched(Context(database, tell=notify), retry.lock_timeout) as in_the_way:
            try:
                with connection(database, retry.lock_timeout) as lent, lent.begin() as scratch:
                    getattr(command, direction)(config(connection=lent), end)
                    seen = look(lent)
                    scratch.rollback()
                    return seen
            except sqlalchemy.exc.DBAPIError as error:
                failed = error
        wait_or_give_up(database, revision, failed, attempt, in_the_way, retry, notify)


def _run_once(
    database: Database,
    direction: Direction,
    end: str,
    steps: list[str],
    *,
    done: list[str],
    on_applied: Callable[[Applied], None],
    retry: Retry,
    notify: Notify,
    at_once: bool,
) -> None:
    """Have Alembic apply the steps that are not done yet, adding each to ``done``."""
    from alembic import command

    began = time.monotonic()

    def on_version_apply(**_: object) -> None:
        nonlocal began
        now = time.monotonic()
        done.append(steps[len(done)])
        on_applied(Applied(done[-1], now - began))
        began = now

    with connection(database, retry.lock_timeout) as lent:
        settings = config(
            connection=lent,
            on_version_apply=on_version_apply,
            patience=retry.patience(),
            tell=notify,
            at_once=at_once,
        )
        getattr(command, direction)(settings, end)


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
    settings = connections.settings(database.schema, lock_timeout).as_string()

    @event.listens_for(engine, "begin")
    def _begin(begun: sqlalchemy.Connection) -> None:
        # without parameters no percent sign stands for one: a schema's name may hold it
        row = begun.exec_driver_sql(settings, execution_options={"no_parameters": True}).fetchone()
        database.backend.note(None if row is None else tuple(row))

    database.conn.read_only = None
    database.conn.autocommit = False
    try:
        with engine.connect() as lent:
            lent.info["database"] = database  # for steps that run outside of its transaction
            yield lent
    finally:
        if not database.conn.closed:
            database.conn.rollback()
            database.conn.autocommit = True
