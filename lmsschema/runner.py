"""Runs Alembic on an open database; the one place that configures it."""

import contextlib
import dataclasses
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg

from lmsschema import db, revisions
from lmsschema.db import Database
from lmsschema.errors import LmsschemaError

if TYPE_CHECKING:
    import sqlalchemy
    from alembic.config import Config


@dataclasses.dataclass(frozen=True)
class Applied:
    """A revision that was applied or taken back, and the seconds that it took."""

    revision: str
    seconds: float


def run(
    database: Database,
    direction: Literal["upgrade", "downgrade"],
    end: str,
    steps: list[str],
    on_applied: Callable[[Applied], None],
) -> None:
    """Have Alembic apply ``steps``, which end at ``end``, each in a transaction of its own."""
    import sqlalchemy
    from alembic import command

    done: list[str] = []
    began = time.monotonic()

    def applied(**_: object) -> None:
        nonlocal began
        now = time.monotonic()
        done.append(steps[len(done)])
        on_applied(Applied(done[-1], now - began))
        began = now

    try:
        with connection(database) as lent:
            settings = config(connection=lent, on_version_apply=applied)
            getattr(command, direction)(settings, end)
    except sqlalchemy.exc.DBAPIError as error:
        failed = steps[min(len(done), len(steps) - 1)]
        raise _failure(database, failed, error) from error


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


def _failure(
    database: Database, revision: str, error: "sqlalchemy.exc.DBAPIError"
) -> LmsschemaError:
    """Return the error that says which revision and statement failed, and where that leaves us."""
    cause = error.orig if isinstance(error.orig, psycopg.Error) else psycopg.OperationalError()
    meant = db.translate(cause, database.target)
    statement = " ".join((error.statement or "").split())
    return type(meant)(
        f"revision {revision} failed: {meant.message}; statement: {statement[:500]}",
        hint="The revision was rolled back whole: 'lmsschema current' shows where the database "
        f"is. {meant.hint}".rstrip(),
        details=meant.details | {"revision": revision, "statement": error.statement},
    )


@contextlib.contextmanager
def connection(database: Database) -> Iterator["sqlalchemy.Connection"]:
    """Lend the database's own connection to SQLAlchemy; every transaction gets our settings."""
    import sqlalchemy
    from sqlalchemy import event, pool

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: database.conn,
        poolclass=pool.StaticPool,
        use_native_hstore=False,
    )
    settings = db.settings(database.schema).as_string()

    @event.listens_for(engine, "begin")
    def _begin(begun: sqlalchemy.Connection) -> None:
        begun.exec_driver_sql(settings)

    database.conn.read_only = None
    database.conn.autocommit = False
    try:
        with engine.connect() as lent:
            yield lent
    finally:
        if not database.conn.closed:
            database.conn.rollback()
            database.conn.autocommit = True
