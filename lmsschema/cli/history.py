"""``lmsschema history``."""

import os

import click

from lmsschema.cli import _common, _layout
from lmsschema.errors import LmsschemaError


@click.command(epilog="Example: lmsschema history --url service=lms")
@_common.database_options
def command(url: str | None, schema: str | None, *, as_json: bool) -> None:
    """List the revisions that this program knows, oldest first.

    Where a database is named, the one that it is at is marked. None needs to be.
    """
    from lmsschema.migration import revisions

    current = _current(url, schema)
    line = revisions.line()
    text = "\n".join(
        row
        for one in line
        for row in _layout.prose(
            click.style(f"{one.title}  (current)", bold=True) if one.id == current else one.title,
            f"{one.id}  ",
            "    ",
        )
    )
    data = {
        "revisions": [{"id": revision.id, "title": revision.title} for revision in line],
        "current": current,
    }
    _common.result(text, data, as_json=as_json)


def _current(url: str | None, schema: str | None) -> str | None:
    """Return the revision of the database that is named; None where none is, or it says nothing."""
    from lmsschema.database.target import resolve
    from lmsschema.migration import position

    if resolve(url, schema, os.environ, _common.configured()) is None:
        return None
    try:
        with _common.open_database(url, schema, quiet=True) as database:
            return position.current(database)
    except LmsschemaError as error:
        if url is not None:
            raise
        _common.say(f"warning: no revision is marked: {error.message}")
        return None
