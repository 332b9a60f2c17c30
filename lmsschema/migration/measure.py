"""What the statements of revisions lock, read, write and drop: measured, on a scratch copy.

The revisions are run on a scratch database of another server, which has the schema of the database
to be upgraded and no rows (:mod:`lmsschema.migration.recorder` says how they are watched).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lmsschema.database import extensions, throwaway
from lmsschema.database.connection import Database
from lmsschema.database.session import require_direct
from lmsschema.locks.context import Context, Progress, Tell
from lmsschema.migration import rendering, revisions, runner, shadow, site
from lmsschema.migration.measured import MeasuredStatement
from lmsschema.migration.recorder import Recorder
from lmsschema.partition_manager import ensure, state
from lmsschema.partitions import POLICIES

_PREFIX = "lmsschema_measure_"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        statements: The statements of each revision.
        place: The server that ran them.
        missing: The table and the statement of what the database has and the copy could not get.
    """

    statements: Mapping[str, list[MeasuredStatement]]
    place: str
    missing: Sequence[tuple[str, str]]


def run(
    database: Database,
    before: str,
    pending: Sequence[str],
    *,
    own: Mapping[str, Path] = MappingProxyType({}),
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
) -> Measured:
    """Run the pending revisions on a scratch copy of a schema.

    Args:
        database: The database that has the schema.
        before: The revision that it is at.
        pending: The revisions to run, oldest first.
        own: The files of those among them that are an application's.
        shadow_url: The server to run them on; None for the embedded one.
        notify: Told which revision is measured.

    Raises:
        DatabaseUnavailableError: There is no server to run them on.
    """
    with shadow.server(shadow_url, "the locks can't be measured") as place:
        require_direct(place.conn, place.target, "measuring locks")
        throwaway.drop_orphans(place.conn, _PREFIX)
        name = throwaway.name(_PREFIX, throwaway.take(place.conn), 1)
        with shadow.database(place, name) as copy:
            notify(Progress(f"measuring locks on PostgreSQL {place.version} ({place.target})"))
            with database.transaction(read_only=True) as conn:
                names = extensions.installed(conn)
            with copy.transaction() as conn:
                extensions.install(conn, names)
            _build(copy, before)
            missing = site.copy(database, copy)
            found = {}
            with Recorder.recording(copy) as recorder:
                for number, revision in enumerate(pending, start=1):
                    notify(Progress(f"measuring locks: {revision} ({number} of {len(pending)})"))
                    if revision in own:
                        rendering.apply(copy, own[revision])
                    else:
                        runner.run(copy, "upgrade", [revision], lambda _: None, at_once=False)
                    found[revision] = recorder.take()
            return Measured(found, f"PostgreSQL {place.version} ({place.target})", missing)


def _build(copy: Database, before: str) -> None:
    """Give the scratch database the schema of ``before``, with its partitions."""
    steps = revisions.ids()[: revisions.position(before)]
    runner.run(copy, "upgrade", steps, lambda _: None)
    for policy in POLICIES:
        with copy.transaction(read_only=True) as conn:
            there = state.exists(conn, copy.schema, policy.table)
        if there:
            ensure.ensure(Context(copy), policy)
