"""Takes a database back to a revision."""

from collections.abc import Callable, Sequence

from lmsschema import names
from lmsschema.database import profile
from lmsschema.database.connection import Database, require_writable
from lmsschema.errors import UnsafeError, UsageError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context
from lmsschema.migration import line, position, preflight, revisions, runner
from lmsschema.migration.retry import DEFAULT_RETRY, Retry
from lmsschema.migration.runner import Applied, Notify


def downgrade(
    database: Database,
    name: str,
    *,
    lose_rows: bool = False,
    wait: float = run_lock.WAIT,
    retry: Retry = DEFAULT_RETRY,
    notify: Notify = lambda _: None,
    on_applied: Callable[[Applied], None] = lambda _: None,
) -> tuple[str | None, str | None]:
    """Take the database back to the revision ``name``; return the revisions before and after.

    Args:
        database: The database and schema.
        name: The revision to stop at, or ``base``.
        lose_rows: Go on although tables that hold rows would be dropped.
        wait: Seconds to wait for another run.
        retry: How long and how often a revision waits for its locks.
        notify: Told what the run waits for.
        on_applied: Told each revision as it is taken back.

    Raises:
        UnsafeError: Rows would be lost and ``lose_rows`` was not given; nothing was changed.
    """
    with run_lock.hold(Context(database, tell=notify), wait=wait) as require_lock:
        before = position.current(database)
        wanted = revisions.find(name, before)
        ids = revisions.ids()
        after = ids[wanted - 1] if wanted else None
        if wanted > revisions.position(before):
            raise UsageError(
                f"the database is at {before or revisions.BASE}, not yet at {name}",
                hint=f"To go on: lmsschema upgrade {name}",
            )
        require_writable(database)
        if wanted == revisions.position(before):
            return before, before
        back = ids[wanted : revisions.position(before)][::-1]
        line.require([])
        preflight.require_owned(database)
        _refuse_profile(database, back)
        preflight.refuse_downgrade(database, back, lose_rows=lose_rows, retry=retry, notify=notify)
        runner.run(
            database,
            "downgrade",
            back,
            on_applied,
            retry=retry,
            notify=notify,
            before_each=require_lock,
        )
        return before, after


def _refuse_profile(database: Database, back: Sequence[str]) -> None:
    """Raise UnsafeError if the revision that is gone back to does not know the index profile."""
    has = profile.read(database).profile
    if profile.SINCE in back and has != names.FAITHFUL:
        raise UnsafeError(
            f"the database has the index profile {has}, which no revision before {profile.SINCE} "
            "knows",
            hint=f"Nothing was changed. First run: lmsschema indexes set {names.FAITHFUL}",
            details={"profile": has},
        )
