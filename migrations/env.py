"""How Alembic gets at the database: lent by lmsschema, or opened here for ``alembic`` itself.

In a checkout ``alembic current``, ``check``, ``revision --autogenerate``, ``upgrade`` and so on work
through pyproject.toml, on the database that lmsschema would take: the environment names it, or
``-x url=URL``; ``-x schema=NAME`` chooses the schema. They make no partitions: ``lmsschema upgrade``
does.
"""

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from alembic import command, context
from alembic.util import CommandError
from psycopg import sql

if TYPE_CHECKING:
    from alembic.operations import MigrationScript
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Connection, MetaData

#: Not Alembic's own name: an application's revisions may be kept in the same schema.
VERSION_TABLE = "lmsschema_version"


def main() -> None:
    """Do what the command asks: on the connection lent to us, on our own, or as a script."""
    lent = context.config.attributes.get("connection")
    if context.is_offline_mode():
        write_script()
    elif lent is not None:
        migrate(lent)
    else:
        migrate_by_hand()


def migrate(connection: "Connection") -> None:
    """Run the revisions, each in a transaction of its own; the connection's names resolve right."""
    metadata = declared()
    known = () if metadata is None else metadata.tables
    profile = None if metadata is None else profile_of(connection)

    def include_name(name: str | None, kind: str, _: Mapping[Any, str | None]) -> bool:
        """Whether to look at it: neither at partitions nor at somebody else's tables."""
        return kind != "table" or name in known

    def include_object(
        one: Any,  # noqa: ANN401  whatever Alembic compares
        _: str | None,
        kind: str,
        reflected: bool,  # noqa: FBT001  Alembic's signature
        __: object,
    ) -> bool:
        """Whether to look at it: not at a declared index that the database's profile does not have."""
        from lmsschema.tables import profiles

        return kind != "index" or reflected or profile is None or profiles.has(one, profile)

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
        include_name=include_name,
        include_object=include_object,
        process_revision_directives=number,
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_by_hand() -> None:
    """Open the database that ``alembic`` is meant for, and run the revisions on it."""
    from lmsschema.database import configuration
    from lmsschema.database.connection import connect, create_schema, require_writable
    from lmsschema.database.target import resolve
    from lmsschema.errors import LmsschemaError
    from lmsschema.migration import runner
    from lmsschema.migration.shadow import embedded

    options = context.get_x_argument(as_dictionary=True)
    log_to_stderr()
    try:
        configured = configuration.read(os.environ)
        schema = options.get("schema") or (configured.schema if configured else None)
        named = resolve(options.get("url"), schema, os.environ, configured)
        target = named or embedded(os.environ, schema)
        database = connect(target)
    except LmsschemaError as error:
        raise CommandError(f"{error.message}. {error.hint}") from error
    with contextlib.closing(database.conn):
        if called(command.upgrade, command.stamp) and not database.schema_exists:
            require_writable(database)
            database.conn.execute(create_schema(database.schema))
        with runner.connection(database) as connection:
            migrate(connection)


def write_script() -> None:
    """Write the revisions as SQL; ``schema``, if given, is made and has the names resolve in it."""
    options = context.get_x_argument(as_dictionary=True)
    script = io.StringIO()
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # another would double every percent sign
        literal_binds=True,
        output_buffer=script,
        version_table=VERSION_TABLE,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    written = within(options.get("schema"), laid_out(script.getvalue()))
    (context.config.output_buffer or sys.stdout).write(written)


def within(schema: str | None, script: str) -> str:
    """Return a script that makes the schema and works in it, outside of transactions too."""
    if schema is None:
        return script
    name = sql.Identifier(schema).as_string()
    return (
        f"CREATE SCHEMA IF NOT EXISTS {name};\n\nSET search_path TO {name};\n\n"
        f"{script}\nRESET search_path;\n"
    )


def laid_out(script: str) -> str:
    """Return a script with the statements that Alembic writes itself laid out as ours are."""
    for written, ours in (
        # as on a connection: a downgrade to base leaves the table there, empty
        (r"^(CREATE TABLE )(lmsschema_version \()$", r"\1IF NOT EXISTS \2"),
        (r"^(    version_num VARCHAR\(32\) NOT NULL,) $", r"\1"),
        (r"^(INSERT INTO lmsschema_version .*) RETURNING .*;$", r"\1;"),
        (r"^(UPDATE lmsschema_version SET version_num)=(\S+) (WHERE )\w+\.", r"\1 = \2\n\3"),
        (r"^(DELETE FROM lmsschema_version) (WHERE )\w+\.", r"\1\n\2"),
    ):
        script = re.sub(written, ours, script, flags=re.MULTILINE)
    return script.rstrip("\n") + "\n"


def declared() -> "MetaData | None":
    """Return the tables to compare the database with; None where the command compares nothing."""
    if called(command.check) or getattr(context.config.cmd_opts, "autogenerate", False):
        from lmsschema.tables import metadata

        return metadata
    return None


def profile_of(connection: "Connection") -> str:
    """Return the index profile that the database has."""
    from lmsschema.database import profile

    with connection.begin():
        return profile.of(cast("Any", connection.connection.driver_connection)).profile


def called(*commands: object) -> bool:
    """Whether ``alembic`` was started with one of these commands."""
    options = context.config.cmd_opts
    return options is not None and options.cmd[0] in commands


def number(
    _: "MigrationContext",
    __: str | Iterable[str | None] | Iterable[str],
    directives: "list[MigrationScript]",
) -> None:
    """Give an autogenerated revision an id like the others', unless ``--rev-id`` gave it one."""
    from lmsschema.migration import revisions

    if getattr(context.config.cmd_opts, "rev_id", None) is None:
        for script in directives:
            script.rev_id = revisions.next_id(script.message or "changes")


def log_to_stderr() -> None:
    """Have Alembic say what it does; standard output is for what a command prints."""
    if not getattr(context.config.cmd_opts, "quiet", False):
        logging.basicConfig(format="%(levelname)s [%(name)s] %(message)s")
        logging.getLogger("alembic").setLevel(logging.INFO)


main()
