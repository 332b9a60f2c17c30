"""What the statements of revisions lock, read, write and drop: measured, on a scratch copy.

The revisions are run on a scratch database of another server, which has the schema of the database
to be upgraded and no rows (:mod:`lmsschema.migration.recorder` says how they are watched).
"""

from lmsschema.database import throwaway
from lmsschema.database.connection import Database
from lmsschema.errors import DatabaseUnavailableError
from lmsschema.locks.context import Context
from lmsschema.migration import revisions, runner, shadow
from lmsschema.migration.measured import Statement
from lmsschema.migration.recorder import Recorder
from lmsschema.partition_manager import ensure, state
from lmsschema.partitions import POLICIES

_PREFIX = "lmsschema_measure_"


def run(
    before: str, pending: list[str], *, shadow_url: str | None = None
) -> tuple[dict[str, list[Statement]], str]:
    """Run the pending revisions on a scratch copy of a schema.

    Args:
        before: The revision that the schema is at.
        pending: The revisions to run, oldest first.
        shadow_url: The server to run them on; None for the embedded one.

    Returns:
        The statements of each revision, and the server that ran them.

    Raises:
        DatabaseUnavailableError: There is no server to run them on.
    """
    with shadow.server(shadow_url, "the locks can't be measured") as place:
        _refuse_pooler(place)
        throwaway.drop_orphans(place.conn, _PREFIX)
        name = throwaway.name(_PREFIX, throwaway.take(place.conn), 1)
        with shadow.database(place, name) as copy:
            _build(copy, before)
            found = {}
            with Recorder.recording(copy) as recorder:
                for revision in pending:
                    runner.run(copy, "upgrade", revision, [revision], lambda _: None, at_once=False)
                    found[revision] = recorder.take()
            return found, f"PostgreSQL {place.version} ({place.target})"


def _refuse_pooler(place: Database) -> None:
    """Raise if a pooler hides which process runs our statements: its locks would not be seen."""
    row = place.conn.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    if row != (place.conn.info.backend_pid,):
        raise DatabaseUnavailableError(
            f"{place.target} is behind a pooler, through which locks can't be measured",
            hint="Name the server itself with --shadow-url.",
        )


def _build(copy: Database, before: str) -> None:
    """Give the scratch database the schema of ``before``, with its partitions."""
    steps = revisions.ids()[: revisions.position(before)]
    runner.run(copy, "upgrade", before, steps, lambda _: None)
    for policy in POLICIES:
        with copy.transaction(read_only=True) as conn:
            there = state.exists(conn, copy.schema, policy.table)
        if there:
            ensure.ensure(Context(copy), policy)
