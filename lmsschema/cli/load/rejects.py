"""``lmsschema load rejects``."""

from pathlib import Path

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load


@click.command(epilog="Example: lmsschema load rejects --institution uni.example --reason not_json")
@_load.institution_option
@click.option("--reason", metavar="REASON", help="Only those of this reason.")
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the lines as they are to a new file.",
)
@_common.database_options
def command(
    domain: str,
    reason: str | None,
    file: Path | None,
    url: str | None,
    schema: str | None,
    *,
    as_json: bool,
) -> int:
    """Count the lines that could not be loaded by reason, with an example of each.

    Exits 3 if there are any.
    """
    from lmsschema.cli import _layout
    from lmsschema.load import rejects, run

    with _common.open_database(url, schema) as database:
        context = _load.context(database, 0)
        whose = run.institution(context, domain)
        found = rejects.summary(context, whose.id, reason)
        written = rejects.export(context, whose.id, reason, file) if file else 0
    data = {
        "reasons": [
            {
                "reason": one.reason,
                "number": one.number,
                "source": one.source,
                "line": one.line,
                "position": one.position,
                "detail": one.detail,
            }
            for one in found
        ],
        "exported": written,
    }
    rows = [
        [one.reason, str(one.number), f"{one.source}, line {one.line}", one.detail[:60]]
        for one in found
    ]
    head = ["reason", "lines", "first", "detail"]
    text = _layout.table(head, rows, numbers=[1]) if rows else ["no line is rejected"]
    _common.result("\n".join(text), data, as_json=as_json)
    if file:
        _common.say(f"lines written to {file}: {written}")
    return _load.REJECTED if found else 0
