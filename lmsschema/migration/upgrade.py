"""Takes a database on to a revision, with the partitions that its tables want."""

import dataclasses
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from lmsschema.database import extensions
from lmsschema.database import profile as recorded_profile
from lmsschema.database.connection import Database, require_writable
from lmsschema.errors import UsageError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context, Tell
from lmsschema.migration import line, position, revisions
from lmsschema.migration.retry import DEFAULT_RETRY, Retry, patiently
from lmsschema.partition_manager import ensure, state
from lmsschema.partitions import POLICIES

if TYPE_CHECKING:
    from lmsschema.migration.measure import Measurements
    from lmsschema.migration.profile_change import ProfileChange
    from lmsschema.migration.runner import Applied


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """What an upgrade did.

    Attributes:
        before: The revision that the database was at; None before the first.
        after: The one that it is at.
        applied: The revisions that this run applied, oldest first.
        partitions: How each partitioned table stands, and what was made for it.
        profile: What was done for the index profile; None if none was asked for.
    """

    before: str | None
    after: str | None
    applied: tuple[str, ...]
    partitions: tuple[ensure.Outcome, ...]
    profile: "ProfileChange | None" = None


def upgrade(
    database: Database,
    name: str = revisions.HEAD,
    *,
    profile: str | None = None,
    wait: float = run_lock.WAIT,
    retry: Retry = DEFAULT_RETRY,
    allow: Collection[str] = (),
    planned: dict[str, str] | None = None,
    shadow_url: str | None = None,
    notify: Tell = lambda _: None,
    on_applied: "Callable[[Applied], None]" = lambda _: None,
    measurements: "Measurements | None" = None,
) -> Upgrade:
    """Bring the database to the revision ``name``, with the partitions that its tables want.

    Args:
        database: The database and schema; the schema is created if it is absent.
        name: The revision to stop at.
        profile: The index profile to give it then; None: it keeps its own.
        wait: Seconds to wait for another run.
        retry: How long and how often a revision waits for its locks.
        allow: Kinds of hazards to go on with (:class:`lmsschema.migration.hazards.Kind`).
        planned: The fingerprint of the plan that this is to carry out.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told what the run waits for, and which partitions it made.
        on_applied: Told each revision as it is applied.
        measurements: What was measured of other schemas; None: of this one alone.

    Raises:
        UsageError: No such revision, or the database is beyond it.
        UnsafeError: Tables or types of these names exist that lmsschema did not make, the
            database is at an unknown revision or is not what the plan was made for, or a
            revision is hazardous. Nothing was changed.
        LockTimeoutError: Another run, or another session's lock, was held for too long.
        DatabaseUnavailableError: The server takes no changes, or not from this role.
        LmsschemaError: A statement failed; the database is at the last whole revision.
    """
    if profile is not None:
        recorded_profile.require(profile)
    before = position.current(database)
    steps = position.pending(before, name)
    if profile is not None and (steps[-1] if steps else before) != revisions.head():
        raise UsageError(
            f"--profile needs the newest revision, {revisions.head()}",
            hint="Leave out the name of the revision, or --profile.",
        )
    line.require(steps)
    require_writable(database)
    if steps:
        from lmsschema.migration import runner

        with run_lock.hold(Context(database, tell=notify), wait=wait) as require_lock:
            before = position.current(database)  # another run may have done the work meanwhile
            steps = [s for s in steps if revisions.position(s) > revisions.position(before)]
            if steps:
                _check(
                    extensions.searched(database),
                    before,
                    steps,
                    allow=allow,
                    planned=planned,
                    shadow_url=shadow_url,
                    retry=retry,
                    notify=notify,
                    measurements=measurements,
                )
                position.ensure_schema(database)
                runner.run(
                    database,
                    "upgrade",
                    steps,
                    on_applied,
                    retry=retry,
                    notify=notify,
                    before_each=require_lock,
                )
    after = steps[-1] if steps else before
    changed = None
    if profile is not None:
        from lmsschema.migration import profile_change

        changed = profile_change.change(database, profile, wait=wait, retry=retry, notify=notify)
    made = tuple(_ensure_partitions(database, notify))
    return Upgrade(before, after, tuple(steps), made, changed)


def _check(
    database: Database,
    before: str | None,
    steps: list[str],
    *,
    allow: Collection[str],
    planned: dict[str, str] | None,
    shadow_url: str | None,
    retry: Retry,
    notify: Tell,
    measurements: "Measurements | None",
) -> None:
    """Raise UnsafeError unless the steps may be applied; changes nothing."""
    from lmsschema.migration import fingerprint, hazards, measure, preflight

    if planned is not None:
        fingerprint.require(planned, fingerprint.take(database, before, steps))
    if before is not None:
        preflight.require_owned(database)
    patiently(
        database,
        "looking at what is there",
        lambda: preflight.look(database, before, steps),
        retry,
        notify,
    )
    if before is not None:
        assessment = hazards.assess(
            database,
            before,
            steps,
            shadow_url=shadow_url,
            retry=retry,
            notify=notify,
            run=measurements.run if measurements is not None else measure.run,
        )
        hazards.refuse(assessment.hazards, allow)


def _ensure_partitions(database: Database, notify: Tell) -> Iterator[ensure.Outcome]:
    """Make the partitions that each partitioned table of the database wants and does not have."""
    for policy in POLICIES:
        with database.transaction(read_only=True) as conn:
            there = state.exists(conn, database.schema, policy.table)
        if there:
            yield ensure.ensure(Context(database, tell=notify), policy)
