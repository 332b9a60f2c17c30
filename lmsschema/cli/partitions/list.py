"""``lmsschema partitions list``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common, _layout
from lmsschema.cli.partitions import _common as _partitions

if TYPE_CHECKING:
    from datetime import datetime

    from lmsschema.partition_manager.listing import Listed, Listing


@click.command(epilog="Example: lmsschema partitions list --json")
@_common.database_options
def command(url: str | None, schema: str | None, *, as_json: bool) -> None:
    """List the partitions: bounds in UTC, estimated rows, size, and what is odd.

    Odd are holes, a detach pending, detached leftovers, a partition that lacks an index, a key, a
    grant or the owner of its table, bounds off the month's grid.
    """
    from lmsschema.partition_manager import listing as partition_listing
    from lmsschema.partition_manager import state

    with _common.open_database(url, schema) as database:
        policies = state.present(database, _common.policies())
        listings = [partition_listing.listing(database, policy) for policy in policies]
    data = {"schema": database.schema, "tables": [_data(listing) for listing in listings]}
    _common.result("\n".join(map(_text, listings)), data, as_json=as_json)


def _data(listing: "Listing") -> dict[str, Any]:
    return {
        "table": listing.table,
        "partitions": [
            {
                "name": one.name,
                "kind": one.kind,
                "from": one.range.lower if one.range else None,
                "to": one.range.upper if one.range else None,
                "attached": one.attached,
                "default": one.default,
                "estimated_rows": one.estimated_rows,
                "bytes": one.bytes,
                "oddities": list(one.oddities),
            }
            for one in listing.partitions
        ],
        "holes": [{"from": hole.lower, "to": hole.upper} for hole in listing.holes],
    }


def _text(listing: "Listing") -> str:
    rows = [_row(one) for one in listing.partitions]
    rows += [("(hole)", _day(h.lower), _day(h.upper), "", "") for h in listing.holes]
    head = ("NAME", "FROM (UTC)", "TO (UTC)", "ROWS ~", "SIZE")
    first, *others = _layout.table(head, rows, numbers=(3, 4))
    remarks = [one.oddities for one in listing.partitions] + [("no table",) for _ in listing.holes]
    lines = [click.style(first, bold=True)]
    for line, odd in zip(others, remarks, strict=True):
        lines.append(line)
        for one in odd:
            lines += _layout.prose(one, click.style("  ! ", fg="red"), "    ")
    return "\n".join(lines)


def _row(one: "Listed") -> tuple[str, str, str, str, str]:
    if one.range is None:
        lower, upper = ("default", "") if one.default else ("", "")
    else:
        lower = _day(one.range.lower) if one.range.lower else "MINVALUE"
        upper = _day(one.range.upper) if one.range.upper else "MAXVALUE"
    rows = "?" if one.estimated_rows is None else str(one.estimated_rows)
    return one.name, lower, upper, rows, _layout.size(one.bytes)


def _day(instant: "datetime | None") -> str:
    """Return a bound: the day alone where it is midnight in UTC."""
    return _partitions.utc(instant).removesuffix(" UTC").removesuffix(" 00:00")
