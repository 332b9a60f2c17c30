"""Gives a database another index profile while it is in use."""

import dataclasses

from lmsschema.database import extensions
from lmsschema.database import profile as recorded
from lmsschema.database.connection import Database, require_writable
from lmsschema.ddl import steps
from lmsschema.errors import UnsafeError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context, Tell
from lmsschema.migration import position, preflight, profile_steps, revisions
from lmsschema.migration.retry import DEFAULT_RETRY, Retry, patiently


@dataclasses.dataclass(frozen=True)
class ProfileChange:
    """What a change of the profile did, or would do.

    Attributes:
        before: The profile that was recorded.
        after: The one that is recorded now, or would be.
        steps: What was done, in words and in order.
    """

    before: str
    after: str
    steps: tuple[str, ...]


def change(
    database: Database,
    profile: str,
    *,
    dry_run: bool = False,
    wait: float = run_lock.WAIT,
    retry: Retry = DEFAULT_RETRY,
    notify: Tell = lambda _: None,
) -> ProfileChange:
    """Give the database an index profile; a second run does what an interrupted one left.

    Args:
        database: A database at head.
        profile: The profile.
        dry_run: Change nothing, and take no lock.
        wait: Seconds to wait for another run.
        retry: How long and how often locks are waited for.
        notify: Told what is done, what is waited for, and who blocks it.

    Raises:
        UnsafeError: The database is not at head; or an index of the site's own has the name of one
            that is built, or that is dropped. Nothing was changed.
        LockTimeoutError: Another run, or another session's lock, was held for too long; what was
            done before is in place.
        DatabaseUnavailableError: The server takes no changes, or not from this role.
    """
    require_head(database, profile)
    if dry_run:
        return look(database, profile, retry, notify)
    require_writable(database)
    preflight.require_owned(database)
    with run_lock.hold(Context(database, tell=notify), wait=wait) as require_lock:
        found = look(database, profile, retry, notify)
        if found.steps:
            steps.run(
                Context(extensions.searched(database), retry.patience(), notify),
                profile_steps.make(profile),
                at_once=True,
                before_each=require_lock,
            )
    return found


def look(database: Database, profile: str, retry: Retry, notify: Tell) -> ProfileChange:
    """Return what a change would do; raise what it would be refused for."""
    searched = extensions.searched(database)

    def read() -> ProfileChange:
        with searched.transaction(read_only=True) as conn:
            left = profile_steps.missing(conn, profile)
            before = recorded.of(conn).profile
        return ProfileChange(before, profile, tuple(map(str, left)))

    return patiently(database, "looking at the indexes", read, retry, notify)


def require_head(database: Database, profile: str) -> None:
    """Raise UnsafeError unless the database is at head: that is what the profiles declare."""
    current = position.current(database)
    if current != revisions.head():
        raise UnsafeError(
            f"{database.target} is at {current or revisions.BASE}, and the index profiles are "
            f"those of {revisions.head()}",
            hint=f"Nothing was changed. Run: lmsschema upgrade --profile {profile}",
            details={"revision": current},
        )
