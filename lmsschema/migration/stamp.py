"""Records a revision as a database's own."""

from lmsschema.database.connection import Database, require_writable
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import position, revisions, runner
from lmsschema.migration.runner import Notify


def stamp(
    database: Database,
    name: str,
    *,
    wait: float = run_lock.WAIT,
    notify: Notify = lambda _: None,
) -> tuple[str | None, str | None]:
    """Record ``name`` as the database's revision; return the revisions before and after."""
    with run_lock.hold(Context(database, tell=notify), wait=wait):
        before = position.current(database)
        wanted = revisions.find(name, before)
        require_writable(database)
        position.ensure_schema(database)
        revision = revisions.ids()[wanted - 1] if wanted else None
        runner.stamp(database, revision or revisions.BASE)
        return before, revision
