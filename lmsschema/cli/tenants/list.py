"""``lmsschema tenants list``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common
from lmsschema.cli.tenants import _common as _tenants

if TYPE_CHECKING:
    from lmsschema.tenants.found import Size, Tenant


@click.command(epilog="Example: lmsschema tenants list --behind --url service=lms")
@click.option("--behind", is_flag=True, help="Only those that upgrade would change.")
@_tenants.selection_options
def command(
    only: tuple[str, ...], but: tuple[str, ...], url: str | None, *, behind: bool, as_json: bool
) -> int:
    """List the tenants of a database: revision, how far behind, size by the statistics.

    Exits 3 if one is behind the newest revision, or at one that this program does not know.
    """
    from lmsschema.migration import revisions
    from lmsschema.tenants import found

    with _common.open_database(url, None) as database:
        every = _tenants.tenants(database, only, but)
        sizes = found.sizes(database, [one.schema for one in every])
    rows = [_row(one, sizes.get(one.schema, found.Size())) for one in every]
    late = [row for row in rows if row["behind"] != 0]
    shown = late if behind else rows
    lines = [
        f"{row['name']:<24} {row['revision'] or 'base':<20} {_behind(row):>9} "
        f"{row['rows']:>12,} rows {row['bytes'] / 1e6:>10,.1f} MB"
        for row in shown
    ]
    count = f"{len(rows)} tenants, {len(late)} not at {revisions.head()}"
    _common.result(
        "\n".join([*lines, count]), {"head": revisions.head(), "tenants": shown}, as_json=as_json
    )
    return 3 if late else 0


def _row(tenant: "Tenant", size: "Size") -> dict[str, Any]:
    from lmsschema.migration import position

    behind = None if tenant.trouble else len(position.pending(tenant.revision, "head"))
    return {
        "name": tenant.schema,
        "revision": tenant.revision,
        "behind": behind,
        "trouble": tenant.trouble or None,
        "rows": size.rows,
        "bytes": size.bytes,
    }


def _behind(row: dict[str, Any]) -> str:
    if row["trouble"]:
        return "unknown"
    return f"{row['behind']} behind" if row["behind"] else "at head"
