"""``lmsschema partitions heal``."""

from typing import Any

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions


@click.command(epilog="Example: lmsschema partitions heal --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and why; change nothing.")
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Bring rows of the default partition to the months that they belong to.

    The default becomes the partition of those months where that is possible, and no row is copied;
    else the rows are moved. Rows that are far off (more than ten years back, or after the months
    ahead) stay. Exits 3 if rows stay in the default.
    """
    from lmsschema.partition_manager import heal

    found: list[dict[str, Any]] = []
    lines = []
    staying = 0
    with _common.open_database(url, schema, quiet=quiet) as database:
        context = _partitions.context(database, wait, quiet=quiet)
        for policy in _partitions.policies():
            if dry_run:
                _, planned = heal.plan(database, policy)
                applied = False
            else:
                healed = heal.heal(context, policy)
                planned, applied = healed.plan, healed.applied
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
                    "held": [
                        {"table": one.name, "rows": one.rows, "detached": one.detached}
                        for one in planned.held
                    ],
                }
            )
    if as_json or not quiet or staying:
        data = {"schema": database.schema, "dry_run": dry_run, "tables": found}
        _common.result("\n".join(lines), data, as_json=as_json)
    return 3 if staying else 0
