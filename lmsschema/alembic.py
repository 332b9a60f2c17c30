"""What the ``env.py`` of an application with an Alembic history of its own needs.

``lmsschema.alembic.configure(…)`` takes the place of ``context.configure(…)`` and takes what that
takes: autogenerate looks at none of lmsschema's tables, the steps of :mod:`lmsschema.ddl` work in
the application's revisions, and where ``version_locations`` names lmsschema's revisions too, those
may be depended on, and ``lmsschema upgrade`` runs them.
"""

import contextlib
import functools
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import sqlalchemy
from alembic import context
from alembic.util import CommandError
from psycopg import conninfo
from sqlalchemy.dialects import postgresql

from lmsschema import names
from lmsschema.database import configuration, sqlstate
from lmsschema.database.connection import Database, connect
from lmsschema.database.queries import query
from lmsschema.database.target import Target, parse
from lmsschema.errors import LmsschemaError
from lmsschema.locks.context import Progress
from lmsschema.migration import position, revisions
from lmsschema.partitions import POLICIES
from lmsschema.tables import TABLES

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

Lend = Callable[[], contextlib.AbstractContextManager[Database]]

#: Where ``migrations/env.py`` has Alembic record lmsschema's own revision.
_VERSION_TABLE = "lmsschema_version"

#: lmsschema's own tables: an application may have added its tables to the same metadata.
_OWN = frozenset([*(table.name for table in TABLES), _VERSION_TABLE, names.SETTINGS])

#: The names of its enumerations.
_TYPES = frozenset(
    column.type.name
    for table in TABLES
    for column in table.columns
    if isinstance(column.type, postgresql.ENUM)
)

#: The key of what is known of the database among the options of Alembic's context.
_HIDDEN = "lmsschema_hidden"

log = logging.getLogger("alembic.lmsschema")


def configure(
    connection: sqlalchemy.Connection | None = None,
    *,
    schema: str | None = None,
    **given: Any,  # noqa: ANN401  as context.configure has it
) -> None:
    """Configure Alembic's context for an application beside lmsschema.

    Args:
        connection: The application's connection; None for a script (``--sql``).
        schema: The schema that holds lmsschema's tables; None for the one on the connection's
            search_path that does.
        given: Whatever else ``context.configure`` takes; where ``include_name`` or
            ``include_object`` is among it, both filters have to agree.

    Raises:
        CommandError: The connection is in a transaction, which steps and lmsschema's own revisions
            would end; or the database is not one that lmsschema works on.
    """
    if connection is not None and connection.in_transaction():
        raise CommandError(
            "env.py has begun a transaction, and revisions have transactions of their own: give "
            "lmsschema.alembic.configure() a connection of engine.connect(), not of engine.begin()"
        )
    lend = None if connection is None else functools.partial(_opened, connection, schema)
    filters = {
        "include_name": _both(include_name, given.get("include_name")),
        "include_object": _both(_include_object, given.get("include_object")),
    }
    filters["render_item"] = _either(_render_item, given.get("render_item"))
    options = {"transaction_per_migration": True, **given, **filters}
    context.configure(connection=connection, lend_database=lend, **options)
    context.config.attributes.setdefault("tell", _tell)
    migration = context.get_context()
    ours = {one.revision for one in context.script.walk_revisions()} & set(revisions.ids())
    if not ours:
        return
    theirs = [head for head in context.script.get_heads() if head not in ours]
    needed = max(_implied(context.script, theirs) & ours, key=revisions.position, default="")
    for revision in ours:
        _replace(context.script, revision, needed, None if migration.as_sql else lend)
    if connection is not None and lend is not None and not migration.opts.get("dont_mutate"):
        with lend() as database:
            current = position.current(database)
        with connection.begin():
            _record(connection, migration, context.script, current)


def include_name(name: str | None, kind: str, parents: Mapping[Any, str | None]) -> bool:
    """Whether autogenerate is to look at a name of the database: not at lmsschema's tables.

    It is for ``context.configure(include_name=…)``; :func:`configure` gives it by itself.
    """
    return kind != "table" or (parents.get("schema_name"), name) not in _hidden()


def _include_object(
    one: sqlalchemy.schema.SchemaItem, name: str | None, kind: str, *_: object
) -> bool:
    """Whether to look at an object: not at a table of lmsschema's in the application's metadata."""
    return kind != "table" or (getattr(one, "schema", None), name) not in _hidden()


def _render_item(
    kind: str,
    one: Any,  # noqa: ANN401  whatever Alembic writes
    migration: Any,  # noqa: ANN401  Alembic has no type for it
) -> str | Literal[False]:
    """Write an enumeration of lmsschema's as the type that is there already."""
    if kind != "type" or not isinstance(one, postgresql.ENUM) or one.name not in _TYPES:
        return False
    migration.imports.add("from sqlalchemy.dialects import postgresql")
    labels = ", ".join(map(repr, one.enums))
    return f"postgresql.ENUM({labels}, name={one.name!r}, create_type=False)"


def _either(ours: Callable[..., Any], theirs: Callable[..., Any] | None) -> Callable[..., Any]:
    return ours if theirs is None else lambda *args: ours(*args) or theirs(*args)


def _both(ours: Callable[..., bool], theirs: Callable[..., bool] | None) -> Callable[..., bool]:
    return ours if theirs is None else lambda *args: ours(*args) and theirs(*args)


def _hidden() -> set[tuple[str | None, str | None]]:
    """Return the tables that are not the application's, each with its schema as Alembic names it.

    They are lmsschema's own, and all partitions but those that the application declares.
    """
    migration = context.get_context()
    if _HIDDEN not in migration.opts:
        connection = migration.connection
        if connection is None:
            raise AssertionError  # nothing is compared in a script
        lend = migration.opts.get("lend_database") or functools.partial(_opened, connection, None)
        with lend() as database:
            home = database.schema
            with database.transaction(read_only=True) as conn:
                found = conn.execute(query("migration/hidden_tables"), _patterns()).fetchall()
        found += [(home, name) for name in _OWN]
        default = connection.dialect.default_schema_name
        names = {(None if place == default else place, name) for place, name in found}
        migration.opts[_HIDDEN] = names - _declared(migration)
    hidden: set[tuple[str | None, str | None]] = migration.opts[_HIDDEN]
    return hidden


def _patterns() -> dict[str, list[str]]:
    """Return the parameters of the query: which tables have partitions under names of their own."""
    configured = configuration.read(os.environ)
    tables = [policy.table for policy in POLICIES]
    return {"tables": tables + list(configured.tables if configured else ())}


def _declared(migration: "MigrationContext") -> set[tuple[str | None, str | None]]:
    """Return the tables that the application declares, without lmsschema's."""
    target = migration.opts.get("target_metadata")
    every = target if isinstance(target, (list, tuple)) else [target] if target is not None else []
    return {
        (table.schema, table.name)
        for one in every
        for table in one.tables.values()
        if table.name not in _OWN
    }


@contextlib.contextmanager
def _opened(connection: sqlalchemy.Connection, schema: str | None) -> Iterator[Database]:
    """Open a connection of our own, in the state that ours are in, to the database of another.

    Whichever driver the application has: the steps need psycopg's.
    """
    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.Connection | psycopg.AsyncConnection):  # made in whatever way
        password = driver.info.password or None
        given = conninfo.make_conninfo(driver.info.dsn, password=password)
    else:
        url = connection.engine.url.render_as_string(hide_password=False)
        given = parse(url, "the application's URL")
    target = Target(given, "the application's env.py", schema)
    with _as_commands():
        database = connect(target)
    with contextlib.closing(database.conn), _as_commands(), sqlstate.translated(target):
        yield database


def _replace(script: "ScriptDirectory", revision: str, needed: str, lend: Lend | None) -> None:
    """Have ``lmsschema upgrade`` run one of lmsschema's revisions, wherever Alembic comes to it.

    It is recorded in lmsschema's own version table then, and by Alembic in the application's.

    Args:
        script: The application's revisions and lmsschema's.
        revision: The revision.
        needed: The newest one that the application's revisions need, gone to at once; or "".
        lend: What opens the database; None where a script is written.
    """

    def upgrade() -> None:
        if lend is None:
            context.static_output(f"-- lmsschema upgrade {revision}")
            return
        with lend() as database:
            if revisions.position(position.current(database)) >= revisions.position(revision):
                return
        _upgrade(database, max(revision, needed))  # they are numbered

    def downgrade() -> None:
        raise CommandError(
            f"{revision} is lmsschema's: 'lmsschema downgrade' takes it back. Your own history is "
            "taken back by its label: alembic downgrade LABEL@base"
        )

    vars(script.get_revision(revision).module).update(upgrade=upgrade, downgrade=downgrade)


def _upgrade(database: Database, revision: str) -> None:
    """Run ``lmsschema upgrade``; in a process of its own, since Alembic runs once in each."""
    command = [sys.executable, "-m", "lmsschema", "upgrade", revision, "--schema", database.schema]
    done = subprocess.run(
        command,
        env=os.environ | {"LMSSCHEMA_DATABASE_URL": database.target.conninfo},
        stdout=subprocess.DEVNULL,  # what goes on is told on stderr
        check=False,
    )
    if done.returncode:
        raise CommandError(
            f"lmsschema upgrade {revision} ended with exit code {done.returncode}, for the reason "
            "above; what was done before is in place"
        )


def _implied(script: "ScriptDirectory", heads: Sequence[str]) -> set[str]:
    """Return the revisions that these ones follow or depend on, themselves included."""
    return (
        {one.revision for one in script.iterate_revisions(tuple(heads), "base")} if heads else set()
    )


def _record(
    connection: sqlalchemy.Connection,
    migration: "MigrationContext",
    script: "ScriptDirectory",
    current: str | None,
) -> None:
    """Have the application's version table say lmsschema's revision as its own version table does.

    It is left out, as Alembic does it, where the application's revisions imply it.
    """
    heads = migration.get_current_heads()
    theirs = [head for head in heads if head not in revisions.ids()]
    wanted = {current} - {None, *_implied(script, theirs)}
    if wanted == set(heads) - set(theirs):
        return
    if not heads:
        migration.stamp(script, str(current))  # the table may not be there yet
        return
    table = sqlalchemy.table(
        migration.version_table,
        sqlalchemy.column("version_num"),
        schema=migration.version_table_schema,
    )
    connection.execute(table.delete().where(table.c.version_num.in_(revisions.ids())))
    for revision in wanted:
        connection.execute(table.insert().values(version_num=revision))


def _tell(progress: Progress) -> None:
    log.info("%s", progress)


@contextlib.contextmanager
def _as_commands() -> Iterator[None]:
    """Turn our errors into those that ``alembic`` prints without a traceback."""
    try:
        yield
    except LmsschemaError as error:
        raise CommandError(f"{error.message}. {error.hint}".strip()) from error
