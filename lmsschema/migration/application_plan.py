"""What revisions of an application's own would run on a database, and what that locks."""

from collections.abc import Collection
from pathlib import Path

from lmsschema.database.connection import Database
from lmsschema.ddl import steps
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Tell
from lmsschema.migration import fingerprint, hazards, line, position, rendering
from lmsschema.migration.plan import Plan, Section


def make(
    database: Database,
    files: Collection[Path],
    *,
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
) -> Plan:
    """Plan revisions of an application on the database as it is, which is only read.

    Args:
        database: The database.
        files: The revisions' files, in the order in which they are run.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told what is being measured.

    Raises:
        UsageError: One is no revision, or can't be written down without a database.
        LmsschemaError: One fails on a scratch copy.
    """
    before = position.current(database)
    own = {file.stem: file for file in files}
    sections = tuple(Section(name, rendering.render(file)) for name, file in own.items())
    refused = _refused(database, files)
    measured = [] if refused else list(own)  # what is refused can't be run on a copy either
    assessment = hazards.assess(
        database, before, measured, own=own, shadow_url=shadow_url, notify=notify
    )
    taken = fingerprint.take(database, before, [])
    return Plan(before, before, sections, assessment, taken, refused, "alembic upgrade")


def _refused(database: Database, files: Collection[Path]) -> UnsafeError | None:
    """Return what is wrong with the files, or why their steps will refuse."""
    if problems := [str(one) for file in files for one in line.content(file)]:
        return UnsafeError("; ".join(problems), hint="Nothing was changed.")
    try:
        for file in files:
            steps.look(database, rendering.load(file).get("STEPS", ()))
    except UnsafeError as error:
        return error
    return None
