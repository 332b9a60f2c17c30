"""What the commands do, for programs: an application's start-up, a job, a test.

Each function does what the command of its name does, by the same code. It prints nothing, returns
data, and raises an error of :mod:`lmsschema.errors`, whose ``exit_code`` is the command's.

The database is the one that ``url`` names (a string as ``--url`` takes it, or SQLAlchemy's own
URL), else the one that the environment or the configuration file names; the embedded server is
never started in place of one.

Each raises UsageError where an argument can't be understood, DatabaseUnavailableError where the
database can't be reached or refuses what is needed, and what is named below.

The functions block. In an asynchronous application each is called in a thread::

    await asyncio.to_thread(api.upgrade, url)

Threads may call them at once. Alembic keeps its state in global variables, so ``upgrade``,
``check`` and ``createdb`` run one at a time in a process, and an application that has an Alembic
history of its own runs that before or after them, not in another thread meanwhile.
"""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from lmsschema import names
from lmsschema.errors import LockTimeoutError, UsageError

if TYPE_CHECKING:
    import sqlalchemy

    from lmsschema.createdb.databases import Created
    from lmsschema.database.configuration import Configuration
    from lmsschema.database.connection import Database
    from lmsschema.database.target import Target
    from lmsschema.drift.check import DriftReport
    from lmsschema.migration.upgrade import Upgrade
    from lmsschema.partition_manager.ensure import Outcome

#: Seconds to wait for another run, of this process or of another one.
WAIT = 60.0

_alembic = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a database stands.

    Attributes:
        revision: The revision that it is at; None before the first.
        head: The newest revision that this program knows.
        pending: The revisions between, oldest first; empty at head.
    """

    revision: str | None
    head: str
    pending: tuple[str, ...]


def upgrade(
    url: "str | sqlalchemy.URL | None" = None,
    *,
    schema: str | None = None,
    revision: str = "head",
    wait: float = WAIT,
    allow: Collection[str] = (),
    shadow_url: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
    profile: str | None = None,
) -> "Upgrade":
    """Bring a database to a revision, and make the partitions that its tables want.

    At head already it changes nothing but missing partitions, so that every start may call it; of
    several processes that start at once one does the work and the others wait.

    Args:
        url: The database.
        schema: The schema to work in, made if it is absent; None for the connection's own.
        revision: Where to stop.
        wait: Seconds to wait for another run.
        allow: Kinds of hazards to go on with, as ``--allow-hazard`` names them.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told in words what goes on.
        profile: The index profile to give it at head (docs/indexes.md); None: it keeps its own.

    Returns:
        ``before`` and ``after`` (revisions), ``applied``, ``partitions``: how each partitioned
        table stands, and ``profile``: what was done for it.

    Raises:
        LockTimeoutError: Another run, or another session's lock, was held for too long.
        UnsafeError: A revision is hazardous, or what is there is not lmsschema's.
    """
    from lmsschema.locks.context import in_lines
    from lmsschema.migration import upgrade as migration

    with _alone(wait), _opened(url, schema, notify) as database:
        return migration.upgrade(
            database,
            revision,
            wait=wait,
            allow=allow,
            shadow_url=shadow_url,
            notify=in_lines(notify),
            profile=profile,
        )


def current(url: "str | sqlalchemy.URL | None" = None, *, schema: str | None = None) -> Standing:
    """Return where a database stands: for an application that is upgraded in a separate step.

    Raises:
        UnsafeError: It is at a revision that this program does not know.
    """
    from lmsschema.migration import position, revisions

    with _opened(url, schema) as database:
        revision = position.current(database)
    pending = revisions.ids()[revisions.position(revision) :]
    return Standing(revision, revisions.head(), tuple(pending))


def check(
    url: "str | sqlalchemy.URL | None" = None,
    *,
    schema: str | None = None,
    ignore: Sequence[str] | None = None,
    shadow_url: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> "DriftReport":
    """Compare a database with the declared schema; nothing is changed.

    Args:
        url: The database.
        schema: The schema; None for the connection's own.
        ignore: Patterns of what is meant to be; None for the configuration file's.
        shadow_url: The server to build the declared schema on; None for the database's own.
        notify: Told in words what goes on.

    Returns:
        ``drift``, ``unmanaged`` and ``pending``; ``clean(strict=False)`` says whether all is well.

    Raises:
        UnsafeError: It is at a revision that this program does not know.
    """
    from lmsschema.drift import check as drift
    from lmsschema.partitions import POLICIES

    configured = _configured()
    if ignore is None:
        ignore = configured.ignore if configured else ()
    policies = POLICIES + (configured.policies() if configured else ())
    with _alone(WAIT), _opened(url, schema, notify) as database:
        return drift.run(
            database,
            ignore=ignore,
            declare=configured.extensions if configured else (),
            policies=policies,
            shadow_url=shadow_url,
            notify=notify,
        )


def ensure_partitions(
    url: "str | sqlalchemy.URL | None" = None,
    *,
    schema: str | None = None,
    ahead: int | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> "tuple[Outcome, ...]":
    """Make the partitions from the current interval to those ahead, and the default.

    Args:
        url: The database.
        schema: The schema; None for the connection's own.
        ahead: Intervals ahead; None for the configuration file's, else each policy's own.
        notify: Told in words what goes on.

    Returns:
        Each partitioned table: ``table``, what was ``done``, what is ``blocked`` by rows of the
        default partition, ``until`` when rows have a partition.

    Raises:
        LockTimeoutError: A lock was not obtained in time; what was made before is in place.
        UnsafeError: Another table has a partition's name; everything else was made.
    """
    from lmsschema.locks.context import Context, in_lines
    from lmsschema.partition_manager import ensure
    from lmsschema.partitions import POLICIES

    configured = _configured()
    if ahead is None and configured is not None:
        ahead = configured.ahead
    policies = POLICIES + (configured.policies() if configured else ())
    if ahead is not None:
        policies = tuple(dataclasses.replace(policy, ahead=ahead) for policy in policies)
    with _opened(url, schema, notify) as database:
        context = Context(database, tell=in_lines(notify))
        return tuple(ensure.ensure(context, policy) for policy in policies)


def createdb(
    name: str,
    url: "str | sqlalchemy.URL | None" = None,
    *,
    schema: str | None = None,
    owner: str | None = None,
    template: bool = True,
    replace: bool = False,
    profile: str = names.FAITHFUL,
) -> "Created":
    """Create a database at head on a server, in milliseconds once that has a template.

    Args:
        name: What it is to be called.
        url: Any database of the server; the role needs CREATEDB.
        schema: The schema to put everything into; None for the connection's own.
        owner: The role to own it; None for the one that connects.
        template: Copy a template, built and kept if the server has none.
        replace: Drop the database that has this name, with all its data.
        profile: Its index profile.

    Returns:
        ``name``, the ``template`` that it is a copy of, ``template_built`` and ``replaced``.

    Raises:
        UnsafeError: The name is taken, or the database to be replaced is in use.
    """
    from lmsschema.createdb import databases

    with _alone(WAIT), databases.connect(_target(url, schema)) as server:
        return databases.create(
            server,
            name,
            template=template,
            owner=owner,
            replace=(lambda _: None) if replace else None,
            profile=profile,
        )


@contextlib.contextmanager
def _alone(wait: float) -> Iterator[None]:
    """Hold what one thread of the process may run at a time."""
    if not _alembic.acquire(timeout=wait):
        raise LockTimeoutError(
            f"another thread of this process is still at work on a schema after {wait:g} s",
            hint="Try again, or wait longer.",
        )
    try:
        yield
    finally:
        _alembic.release()


@contextlib.contextmanager
def _opened(
    url: "str | sqlalchemy.URL | None",
    schema: str | None,
    notify: Callable[[str], None] = lambda _: None,
) -> "Iterator[Database]":
    """Open the database, and close it; the driver's errors become lmsschema's."""
    from lmsschema.database import sqlstate
    from lmsschema.database.connection import connect

    target = _target(url, schema)
    database = connect(target)
    with contextlib.closing(database.conn):
        for warning in database.warnings:
            notify(warning)
        with sqlstate.translated(target):
            yield database


def _target(url: "str | sqlalchemy.URL | None", schema: str | None) -> "Target":
    """Return the database that is named."""
    from lmsschema.database import target

    configured = _configured()
    if schema is None and configured is not None:
        schema = configured.schema
    if url is not None:
        if schema is not None:
            target.check_schema_name(schema)
        text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        return target.Target(target.parse(text, "url"), "url", schema)
    found = target.resolve(None, schema, os.environ, configured)
    if found is None:
        raise UsageError("no database is named", hint="Give its URL or set LMSSCHEMA_DATABASE_URL.")
    return found


def _configured() -> "Configuration | None":
    from lmsschema.database import configuration

    return configuration.read(os.environ)
