"""``lmsschema load status``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load


@click.command(epilog="Example: lmsschema load status --institution uni.example")
@_load.institution_option
@_common.database_options
def command(domain: str, url: str | None, schema: str | None, *, as_json: bool) -> int:
    """List the files that were loaded, oldest first, and how far.

    Exits 3 if a load was interrupted: load the file again.
    """
    from lmsschema.cli import _layout
    from lmsschema.load import run, status

    with _common.open_database(url, schema) as database:
        context = _load.context(database, 0)
        whose = run.institution(context, domain)
        found = status.read(context, whose.id)
    data = {
        "sources": [
            {
                "name": one.name,
                "format": one.format,
                "position": one.position,
                "line": one.line,
                "begun_at": one.begun_at,
                "finished_at": one.finished_at,
                **_load.counted(one.counts),
            }
            for one in found
        ],
    }
    rows = [
        [
            one.name,
            one.format,
            f"{one.begun_at:%Y-%m-%d %H:%M}",
            "finished" if one.finished_at else "interrupted",
            str(one.line),
            _load.sentence(one.counts).partition(": ")[2],
        ]
        for one in found
    ]
    head = ["source", "format", "begun (UTC)", "state", "lines", "of them"]
    text = _layout.table(head, rows, numbers=[4]) if rows else ["nothing was loaded"]
    _common.result("\n".join(text), data, as_json=as_json)
    if any(one.finished_at is None for one in found):
        _common.say("hint: load the interrupted file again: it is continued")
        return _load.REJECTED
    return 0
