"""``lmsschema partitions heal``."""

import dataclasses
from typing import Any

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions
from lmsschema.errors import LockTimeoutError


@click.command(epilog="Example: lmsschema partitions heal --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and why; change nothing.")
@click.option("--ahead", type=click.IntRange(min=0), metavar="N", help="Months ahead [3].")
@click.option("--reach", metavar="SPAN", help="How far back rows get partitions [10y].")
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    ahead: int | None,
    reach: str | None,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Move rows out of the default partition, to the months that they belong to.

    The default becomes the partition of those months where that is possible, and no row is copied;
    else the rows are moved. Rows from before --reach or after the months ahead stay. Exits 3 if
    rows stay in the default, 5 if another run is at work.
    """
    from lmsschema.partition_manager import heal, state
    from lmsschema.partition_manager.heal_plan import HealLimits
    from lmsschema.partition_manager.retention import parse_span

    limits = HealLimits(reach=None if reach is None else parse_span(reach, "--reach"))
    found: list[dict[str, Any]] = []
    lines = []
    staying = 0
    at_work = False
    with _common.open_database(url, schema, quiet=quiet) as database:
        context = _partitions.context(database, wait, quiet=quiet)
        for declared in state.present(database, _common.policies()):
            policy = declared if ahead is None else dataclasses.replace(declared, ahead=ahead)
            if dry_run:
                _, planned = heal.plan(database, policy, limits)
                applied = busy = False
            else:
                healed = heal.heal(context, policy, limits=limits)
                planned, applied, busy = healed.plan, healed.applied, healed.busy
            if busy and quiet:
                _partitions.tell_busy(policy.table)
            at_work |= busy
            staying += planned.staying
            lines.append(f"{policy.table}: {heal.describe(planned)}")
            found.append(
                {
                    "table": policy.table,
                    "method": planned.method,
                    "why": planned.why,
                    "applied": applied,
                    "promoted_to": planned.promoted.name if planned.promoted else None,
                    "made": [home.name for home in planned.homes],
                    "rows": planned.rows,
                    "moved": planned.moved,
                    "staying": planned.staying,
                    "busy": busy,
                    "held": [
                        {"table": one.name, "rows": one.rows, "detached": one.detached}
                        for one in planned.held
                    ],
                }
            )
    if as_json or not quiet or staying:
        data = {"schema": database.schema, "dry_run": dry_run, "tables": found}
        _common.result("\n".join(lines), data, as_json=as_json)
    if at_work:
        return LockTimeoutError.exit_code
    return 3 if staying else 0
