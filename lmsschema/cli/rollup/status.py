"""``lmsschema rollup status``."""

import click

from lmsschema.cli import _common


@click.command(epilog="Example: lmsschema rollup status --limit 900")
@click.option(
    "--limit",
    type=click.FloatRange(min=0),
    default=900.0,
    metavar="SECONDS",
    help="How old may be what is not computed yet [900].",
)
@_common.database_options
def command(limit: float, url: str | None, schema: str | None, *, as_json: bool) -> int:
    """For monitoring: until when events are taken up, and what else is due.

    Exits 3 if anything has been due for longer than --limit, or there never was a run.
    """
    from lmsschema.cli import _layout
    from lmsschema.database.connection import require_usage
    from lmsschema.rollup import status

    with _common.open_database(url, schema) as database:
        require_usage(database)
        found = status.read(database)
    behind = found.is_behind(limit)
    data = {
        "behind": behind,
        "watermark": found.watermark,
        "watermark_age": found.age,
        "queues": [
            {"kind": one.kind, "entries": one.entries, "age": one.age} for one in found.queues
        ],
    }
    rows = [
        ["events", "", _seconds(found.age)],
        *([one.kind, str(one.entries), _seconds(one.age)] for one in found.queues),
    ]
    text = _layout.table(["what", "due", "oldest"], rows, numbers=[1, 2])
    _common.result("\n".join(text), data, as_json=as_json)
    if behind:
        _common.say(f"behind by more than {limit:g} s" if found.watermark else "there was no run")
        _common.say("hint: lmsschema rollup run")
        return 3
    return 0


def _seconds(age: float | None) -> str:
    return "" if age is None else f"{age:.0f} s"
