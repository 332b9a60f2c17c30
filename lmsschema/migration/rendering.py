"""The SQL of a revision's file by itself, whoever's it is: no env.py is asked, and no database."""

import io
import runpy
import sys
from pathlib import Path

from lmsschema.errors import UsageError


def render(file: Path) -> str:
    """Return the script that ``upgrade()`` of a revision's file writes, with its transaction.

    Raises:
        UsageError: The file is no revision, or can't be written down without a database.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    script = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # another would double every percent sign
        opts={"as_sql": True, "literal_binds": True, "output_buffer": script},
    )
    here = str(Path.cwd())
    sys.path.insert(0, here)  # as Alembic's prepend_sys_path: a revision may import the application
    try:
        upgrade = runpy.run_path(str(file))["upgrade"]
        with Operations.context(context), context.begin_transaction():
            upgrade()
    except Exception as error:
        raise UsageError(
            f"{file} can't be written as SQL: {type(error).__name__}: {error}",
            hint="It has to be a revision that 'alembic upgrade --sql' can write, run where the "
            "modules that it imports are found.",
        ) from error
    finally:
        sys.path.remove(here)
    return script.getvalue()
