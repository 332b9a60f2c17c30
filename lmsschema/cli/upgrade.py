"""``lmsschema upgrade``."""

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from lmsschema.cli import _common
from lmsschema.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from lmsschema.migration.profile_change import ProfileChange
    from lmsschema.migration.runner import Applied
    from lmsschema.migration.upgrade import Upgrade
    from lmsschema.partition_manager.ensure import Outcome

F = TypeVar("F", bound=Callable[..., Any])

#: The kinds of hazards that can be allowed (lmsschema.migration.hazards.Kind).
KINDS = ("blocking-lock", "table-rewrite", "data-loss", "unmeasured")


def allow_hazard_option(function: F) -> F:
    """Add ``--allow-hazard``; the function gets ``allow``."""
    return click.option(
        "--allow-hazard",
        "allow",
        multiple=True,
        metavar="KIND",
        type=click.Choice(KINDS),
        help="Go on with hazards of a kind that plan names.",
    )(function)


@click.command(epilog="Example: lmsschema upgrade --url service=lms --schema campus_north")
@click.argument("revision", default="head")
@allow_hazard_option
@click.option(
    "--plan",
    "plan_file",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Refuse if anything changed since this plan.",
)
@_common.profile_option(default=None)
@_common.shadow_option
@_common.retry_options
@_common.wait_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    revision: str,
    allow: tuple[str, ...],
    plan_file: IO[str] | None,
    profile: str | None,
    shadow_url: str | None,
    lock_timeout: float,
    lock_retries: int,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    as_json: bool,
) -> None:
    """Bring the database to the newest revision, or to REVISION.

    A revision is one transaction, or steps; after an interruption the next run goes on. Then
    learning_events gets partitions for this month and the next three, and a default one.
    """
    from lmsschema.migration.retry import Retry
    from lmsschema.migration.upgrade import upgrade

    planned = _fingerprint(plan_file) if plan_file else None
    seconds: dict[str, float] = {}

    def on_applied(step: "Applied") -> None:
        seconds[step.revision] = step.seconds
        _common.say(f"applied {step.revision} in {step.seconds:.2f} s")

    with _common.open_database(url, schema) as database:
        done = upgrade(
            database,
            revision,
            profile=profile,
            wait=wait,
            retry=Retry(lock_timeout, lock_retries),
            allow=allow,
            planned=planned,
            shadow_url=shadow_url,
            notify=_common.Teller(),
            on_applied=on_applied,
        )
    for table in done.partitions:
        if table.blocked:
            months = ", ".join(partition.name for partition in table.blocked)
            _common.say(f"warning: rows in {table.default} keep {months} from being made")
            _common.say("hint: lmsschema partitions heal")
    data = {
        "schema": database.schema,
        "from": done.before,
        "to": done.after,
        "applied": [{"revision": one, "seconds": seconds[one]} for one in done.applied],
        "partitions": [_partitions(table) for table in done.partitions],
        "profile": None if done.profile is None else _profile(done.profile),
    }
    _common.result(_summary(done), data, as_json=as_json)


def _fingerprint(file: IO[str]) -> dict[str, str]:
    """Return the fingerprint in a plan's file."""
    import json

    try:
        found = dict(json.load(file)["fingerprint"])
    except (ValueError, KeyError, TypeError) as error:  # no JSON, or another program's
        raise UsageError(
            f"{file.name} is no plan of lmsschema", hint="Write one: lmsschema plan --json > FILE"
        ) from error
    return {str(part): str(value) for part, value in found.items()}


def _summary(done: "Upgrade") -> str:
    """Return the one line that ends an upgrade."""
    after = done.after or "base"
    made = sum(len(table.done) for table in done.partitions)
    if done.applied:
        begin = f"{done.before or 'base'} -> {after}"
    else:
        changed = made or (done.profile is not None and done.profile.steps)
        begin = f"at {after} already" + ("" if changed else ": nothing to do")
    profile = done.profile
    if profile is not None and profile.steps:
        begin += f"; index profile {profile.before} -> {profile.after}"
    return "; ".join([begin, *(f"{t.table} takes rows {_until(t.until)}" for t in done.partitions)])


def _profile(change: "ProfileChange") -> dict[str, Any]:
    """Return what was done for the index profile, as data."""
    return {"from": change.before, "to": change.after, "steps": list(change.steps)}


def _until(until: "datetime | None") -> str:
    """Say until when a table has partitions for its rows."""
    return "without end" if until is None else f"until {until:%Y-%m-%d %H:%M} UTC"


def _partitions(table: "Outcome") -> dict[str, Any]:
    """Return how a partitioned table stands, as data."""
    return {
        "table": table.table,
        "made": [action.name for action in table.done],
        "blocked": [partition.name for partition in table.blocked],
        "in_the_way": [partition.name for partition in table.blocked],  # its old name
        "takes_rows_until": table.until,
        "default": table.default,
    }
