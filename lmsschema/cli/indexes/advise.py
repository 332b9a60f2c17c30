"""``lmsschema indexes advise``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common, _layout
from lmsschema.cli.indexes import _common as _indexes

if TYPE_CHECKING:
    from lmsschema.doctor.advice import Advice, IndexAdvice


@click.command(epilog="Example: lmsschema indexes advise --url service=lms")
@_common.database_options
def command(url: str | None, schema: str | None, *, as_json: bool) -> None:
    """Show what each index is used for, and what it costs; change nothing.

    For each index: how often it was used since the statistics were reset, its size, which column
    that is updated all the time it holds, and what the other profile would do with it. For each
    table: how many of its updates needed no new entry in any index (HOT).
    """
    from lmsschema.doctor import advice

    with _common.open_database(url, schema) as database:
        found = advice.read(database)
    text, data = _text(found), _indexes.data(found) | _data(found)
    _common.result(text, data, as_json=as_json)
    if found.standby:
        _common.say("a standby counts its own scans: ask the primary server and each standby")


def _text(found: "Advice") -> str:
    from lmsschema.doctor import advice

    [other] = advice.others(found.profile)
    would = {one.name: what for what, one in found.changes(other)}
    head = ("INDEX", "PROFILES", "STATE", "SCANS", "SIZE", "HOT COLUMNS", other.upper())
    rows = [_row(one, would.get(one.name, "")) for one in found.indexes]
    updates = [
        (one.table, str(one.updates), f"{100 * one.hot // one.updates} %") for one in found.updates
    ]
    since = f"{found.kept_since:%Y-%m-%d %H:%M} UTC" if found.kept_since else "the beginning"
    lines = _layout.table(head, rows, numbers=(3, 4))
    if updates:
        lines += ["", *_layout.table(("TABLE", "UPDATES", "HOT"), updates, numbers=(1, 2))]
    dropped = [one for what, one in found.changes(other) if what == "drop"]
    built = [one for what, one in found.changes(other) if what == "build"]
    used = sum(one.scans > 0 for one in dropped)
    size = _layout.size(sum(one.bytes for one in dropped))
    would_be = f"{len(dropped)} indexes of {size}, {used} of which were used"
    lines += [
        "",
        f"{_indexes.head(found)}; statistics since {since}",
        f"{other} would build {len(built)} indexes and drop {would_be}",
    ]
    return "\n".join(lines)


def _row(one: "IndexAdvice", would: str) -> tuple[str, ...]:
    there = one.state != "missing"
    figures = (str(one.scans), _layout.size(one.bytes)) if there else ("", "")
    return *_indexes.row(one), *figures, ", ".join(one.hot), would


def _data(found: "Advice") -> dict[str, Any]:
    from lmsschema.doctor import advice

    return {
        "statistics_since": found.kept_since,
        "standby": found.standby,
        "updates": [
            {"table": one.table, "updates": one.updates, "hot": one.hot} for one in found.updates
        ],
        "other_profiles": {
            other: {
                what: [one.name for does, one in found.changes(other) if does == what]
                for what in ("build", "drop")
            }
            for other in advice.others(found.profile)
        },
    }
