"""Takes a database from revision to revision; Alembic does the work."""

import dataclasses
from collections.abc import Callable, Collection, Iterator

from lmsschema.database.connection import Database, create_schema, require_usage, require_writable
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError, UsageError
from lmsschema.locks import run_lock
from lmsschema.locks.context import Context, Tell
from lmsschema.migration import preflight, revisions, runner
from lmsschema.migration.retry import DEFAULT_RETRY, Retry
from lmsschema.migration.runner import Applied
from lmsschema.partition_manager import ensure, state
from lmsschema.partitions import POLICIES

Notify = Tell


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """What an upgrade did.

    Attributes:
        before: The revision that the database was at; None before the first.
        after: The one that it is at.
        applied: The revisions that this run applied, oldest first.
        partitions: How each partitioned table stands, and what was made for it.
    """

    before: str | None
    after: str | None
    applied: tuple[str, ...]
    partitions: tuple[ensure.Outcome, ...]


def current(database: Database) -> str | None:
    """Return the revision that the database is at; None before the first.

    Raises:
        DatabaseUnavailableError: The role may not use the schema.
        UnsafeError: The database is at a revision that this program does not know.
    """
    require_usage(database)
    with database.transaction(read_only=True) as conn:
        if conn.execute(query("migration/version_table")).fetchone() != (True,):
            return None
        found = [str(row[0]) for row in conn.execute(query("migration/version"))]
    if not found:
        return None
    if len(found) == 1 and found[0] in revisions.ids():
        return found[0]
    raise UnsafeError(
        f"{database.target} is at revision {', '.join(found)}, which this program does not know: "
        "a newer lmsschema wrote it",
        hint=f"Install a newer lmsschema; this one knows revisions up to {revisions.head()}.",
        details={"revision": found},
    )


def pending(before: str | None, name: str) -> list[str]:
    """Return the revisions that lead from ``before`` to ``name``, oldest first.

    Raises:
        UsageError: No such revision, or ``before`` is beyond it.
    """
    wanted, there = revisions.find(name, before), revisions.position(before)
    if wanted < there:
        raise UsageError(
            f"the database is at {before}, beyond {name}",
            hint=f"To go back: lmsschema downgrade {name}",
        )
    return revisions.ids()[there:wanted]


def upgrade(
    database: Database,
    name: str = revisions.HEAD,
    *,
    wait: float = run_lock.WAIT,
    retry: Retry = DEFAULT_RETRY,
    allow: Collection[str] = (),
    planned: dict[str, str] | None = None,
    shadow_url: str | None = None,
    notify: Notify = lambda _: None,
    on_applied: Callable[[Applied], None] = lambda _: None,
) -> Upgrade:
    """Bring the database to the revision ``name``, with the partitions that its tables want.

    Args:
        database: The database and schema; the schema is created if it is absent.
        name: The revision to stop at.
        wait: Seconds to wait for another run.
        retry: How long and how often a revision waits for its locks.
        allow: Kinds of hazards to go on with (:class:`lmsschema.migration.hazards.Kind`).
        planned: The fingerprint of the plan that this is to carry out.
        shadow_url: The server to measure locks on; None for the embedded one.
        notify: Told what the run waits for, and which partitions it made.
        on_applied: Told each revision as it is applied.

    Raises:
        UsageError: No such revision, or the database is beyond it.
        UnsafeError: Tables or types of these names exist that lmsschema did not make, the
            database is at an unknown revision or is not what the plan was made for, or a
            revision is hazardous. Nothing was changed.
        LockTimeoutError: Another run, or another session's lock, was in the way too long.
        DatabaseUnavailableError: The server takes no changes, or not from this role.
        LmsschemaError: A statement failed; the database is at the last whole revision.
    """
    before = current(database)
    steps = pending(before, name)
    require_writable(database)
    if steps:
        with run_lock.hold(Context(database, tell=notify), wait=wait):
            before = current(database)  # another run may have done the work meanwhile
            steps = [s for s in steps if revisions.position(s) > revisions.position(before)]
            if steps:
                _check(database, before, steps, allow=allow, planned=planned, shadow_url=shadow_url)
                _ensure_schema(database)
                runner.run(
                    database,
                    "upgrade",
                    steps[-1],
                    steps,
                    on_applied,
                    retry=retry,
                    notify=notify,
                )
    after = steps[-1] if steps else before
    return Upgrade(before, after, tuple(steps), tuple(_ensure_partitions(database, notify)))


def _check(
    database: Database,
    before: str | None,
    steps: list[str],
    *,
    allow: Collection[str],
    planned: dict[str, str] | None,
    shadow_url: str | None,
) -> None:
    """Raise UnsafeError unless the steps may be applied; changes nothing."""
    from lmsschema.migration import fingerprint, hazards

    if planned is not None:
        fingerprint.require(planned, fingerprint.take(database, before, steps))
    if before is None:
        preflight.refuse_taken_names(database)
    else:
        assessment = hazards.assess(database, before, steps, shadow_url=shadow_url)
        hazards.refuse(assessment.hazards, allow)


def _ensure_schema(database: Database) -> None:
    """Create the schema if it is absent."""
    if not database.schema_exists:
        with database.transaction() as conn:
            conn.execute(create_schema(database.schema))


def _ensure_partitions(database: Database, notify: Notify) -> Iterator[ensure.Outcome]:
    """Make the partitions that each partitioned table of the database wants and does not have."""
    for policy in POLICIES:
        with database.transaction(read_only=True) as conn:
            there = state.exists(conn, database.schema, policy.table)
        if there:
            yield ensure.ensure(Context(database, tell=notify), policy)


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
    with run_lock.hold(Context(database, tell=notify), wait=wait):
        before = current(database)
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
        if not lose_rows:
            end = after or revisions.BASE
            preflight.refuse_loss(database, end, back[0], retry=retry, notify=notify)
        runner.run(
            database,
            "downgrade",
            after or revisions.BASE,
            back,
            on_applied,
            retry=retry,
            notify=notify,
        )
        return before, after


def stamp(
    database: Database,
    name: str,
    *,
    wait: float = run_lock.WAIT,
    notify: Notify = lambda _: None,
) -> tuple[str | None, str | None]:
    """Record ``name`` as the database's revision; return the revisions before and after."""
    with run_lock.hold(Context(database, tell=notify), wait=wait):
        before = current(database)
        wanted = revisions.find(name, before)
        require_writable(database)
        _ensure_schema(database)
        revision = revisions.ids()[wanted - 1] if wanted else None
        runner.stamp(database, revision or revisions.BASE)
        return before, revision
