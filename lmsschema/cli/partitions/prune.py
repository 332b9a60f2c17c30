"""``lmsschema partitions prune``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions
from lmsschema.errors import DatabaseUnavailableError, LockTimeoutError

if TYPE_CHECKING:
    from lmsschema.database.connection import Database
    from lmsschema.partition_manager.ensure import Outcome
    from lmsschema.partition_manager.prune import Expired
    from lmsschema.partition_manager.retention import Span
    from lmsschema.partitions import Policy


@click.command(epilog="Example: lmsschema partitions prune --keep 24m --action drop")
@click.option("--keep", metavar="SPAN", help="How long rows stay: 24m, 2y, 90d [the policy's].")
@click.option(
    "--action",
    type=click.Choice(["detach", "drop"]),
    default="detach",
    help="Also drop after the grace [detach].",
)
@click.option(
    "--grace",
    default="7d",
    metavar="SPAN",
    help="How long a detached table stays [7d].",
)
@click.option(
    "--export",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write and verify a copy before a drop.",
)
@click.option("--allow-many", is_flag=True, help="Detach or drop more than three in this run.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@_partitions.table_option
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    keep: str | None,
    action: str,
    grace: str,
    folder: Path | None,
    *,
    table: str | None,
    wait: float,
    url: str | None,
    schema: str | None,
    allow_many: bool,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Detach the partitions that lie wholly before now - SPAN.

    The current, a future and the only partition stay. Older rows of the default are named (exit
    code 3).
    """
    from lmsschema.partition_manager import ensure, prune
    from lmsschema.partition_manager.refusals import Refusals
    from lmsschema.partition_manager.retention import parse_span

    policy = _partitions.policy(table)
    keep = policy.retention if keep is None else keep
    if keep is None:
        raise click.UsageError(f"how long do rows of {policy.table} stay? --keep 24m, for example")
    kept = parse_span(keep, "--keep")
    drop_after = parse_span(grace, "--grace", smallest=0) if action == "drop" else None
    if folder is not None and drop_after is None:
        raise click.UsageError("--export needs --action drop: nothing is exported that stays")
    with _common.open_database(url, schema, quiet=quiet) as database:
        if dry_run:
            return _preview(
                database, policy, kept, drop_after, allow_many=allow_many, as_json=as_json
            )
        context = _partitions.context(database, wait, quiet=quiet)
        cutoff = prune.plan(database, policy, kept)[1].cutoff
        refusals = Refusals()
        blocked: list[Outcome] = []
        at_work = False
        with refusals.kept():
            ensured = ensure.ensure(context, policy)
            blocked += [ensured] if ensured.blocked else []
            at_work = ensured.busy
        with refusals.kept():
            pruned = prune.prune(
                context,
                policy,
                kept,
                drop_after=drop_after,
                folder=folder,
                allow_many=allow_many,
            )
        expired = prune.expired_rows(database, policy, cutoff)
    for outcome in blocked:
        _partitions.tell_blocked(outcome)
    if expired is not None:
        _tell_expired(expired)
    at_work |= any(error.details.get("busy") is True for error in refusals.errors)
    if quiet and (at_work or (not refusals.errors and pruned.busy)):
        _partitions.tell_busy(policy.table)
    _partitions.raise_any(refusals, busy=at_work)
    if pruned.plan.left and not pruned.busy:
        _common.say(f"{pruned.plan.left} more are expired: the next run's, or --allow-many")
    if as_json or not quiet:
        text = (
            f"{policy.table}: {len(pruned.detached)} detached, "
            f"{len(pruned.dropped)} dropped (cutoff {_partitions.utc(pruned.plan.cutoff)})"
        )
        data = {
            "table": policy.table,
            "cutoff": pruned.plan.cutoff,
            "detached": list(pruned.detached),
            "dropped": list(pruned.dropped),
            "exports": [dataclasses.asdict(one) for one in pruned.exports],
            "detached_before": list(pruned.left),
            "more_expired": pruned.plan.left,
            "default_expired": 0 if expired is None else expired.rows,
            "busy": pruned.busy,
        }
        _common.result(text, data, as_json=as_json)
    if pruned.busy:
        return LockTimeoutError.exit_code
    return 3 if blocked or expired is not None else 0


def _tell_expired(expired: "Expired") -> None:
    """Say which rows of the default are older than rows are kept, and what deletes them."""
    _common.say(f"{expired.rows} rows of {expired.table} are older than the cutoff")
    _common.say(f"hint: {expired.statement}")


def _preview(
    database: "Database",
    policy: "Policy",
    kept: "Span",
    drop_after: "Span | None",
    *,
    allow_many: bool,
    as_json: bool,
) -> int:
    """Say what a prune would take away."""
    from lmsschema.partition_manager import detached, prune

    now, planned = prune.plan(database, policy, kept, allow_many=allow_many)
    tables = detached.tables(database, policy)
    drops = prune.overdue(tables, now, drop_after, allow_many=allow_many)
    lines = [f"detach {partition.name}" for partition in planned.expired]
    lines += [f"drop {name}" for name in drops]
    count: int | None = 0
    try:
        expired = prune.expired_rows(database, policy, planned.cutoff)
    except DatabaseUnavailableError as error:
        count = None
        _common.say(f"rows of the default partition were not counted: {error.message}")
    else:
        if expired is not None:
            count = expired.rows
            _tell_expired(expired)
    data = {
        "cutoff": planned.cutoff,
        "detach": [partition.name for partition in planned.expired],
        "drop": drops,
        "more_expired": planned.left,
        "default_expired": count,
    }
    _common.result("\n".join(lines) or "nothing to do", data, as_json=as_json)
    return 0
