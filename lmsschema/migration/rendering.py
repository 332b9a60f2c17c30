"""A revision's file by itself, whoever's it is: no env.py is asked, and no history."""

import contextlib
import io
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmsschema.database.connection import Database
from lmsschema.errors import LmsschemaError, UsageError


def load(file: Path) -> Mapping[str, Any]:
    """Return what a revision's file defines.

    Raises:
        UsageError: It can't be read, or is no revision.
    """
    with _importing():
        try:
            found = runpy.run_path(str(file))
        except Exception as error:
            raise _refused(file, error) from error
    if not callable(found.get("upgrade")):
        raise _refused(file, AttributeError("it has no upgrade()"))
    return found


def render(file: Path) -> str:
    """Return the script that ``upgrade()`` of a revision's file writes, with its transaction.

    Raises:
        UsageError: The file is no revision, or can't be written down without a database.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    upgrade = load(file)["upgrade"]
    script = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # another would double every percent sign
        opts={"as_sql": True, "literal_binds": True, "output_buffer": script},
    )
    with _importing():
        try:
            with Operations.context(context), context.begin_transaction():
                upgrade()
        except Exception as error:
            raise _refused(file, error) from error
    return script.getvalue()


def apply(database: Database, file: Path) -> None:
    """Run ``upgrade()`` of a revision's file on a scratch database; nothing is recorded.

    Raises:
        LmsschemaError: It fails.
    """
    from alembic.operations import Operations
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from lmsschema.migration import runner

    upgrade = load(file)["upgrade"]
    settings = runner.config(at_once=False)
    with _importing(), runner.connection(database) as lent:
        context = MigrationContext.configure(
            connection=lent,
            environment_context=EnvironmentContext(settings, ScriptDirectory.from_config(settings)),
        )
        try:
            with Operations.context(context), context.begin_transaction():
                upgrade()
        except Exception as error:
            said = str(getattr(error, "orig", None) or error).strip()
            raise LmsschemaError(
                f"{file} fails on a scratch copy of the database: {said}",
                hint="Nothing was changed. Is it applied already, or one that comes before it not?",
            ) from error


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Have modules of the current folder found, as Alembic's prepend_sys_path has it."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _refused(file: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{file} can't be written as SQL: {type(error).__name__}: {error}",
        hint="It has to be a revision that 'alembic upgrade --sql' can write, run where the "
        "modules that it imports are found.",
    )
