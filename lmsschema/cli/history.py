"""``lmsschema history``."""

import click

from lmsschema.cli import _common


@click.command(epilog="Example: lmsschema history --json")
@_common.output_options
def command(*, as_json: bool) -> None:
    """List the revisions that this program knows, oldest first; no database is asked."""
    from lmsschema.migration import revisions

    line = revisions.line()
    text = "\n".join(f"{revision.id}  {revision.title}" for revision in line)
    data = {"revisions": [{"id": revision.id, "title": revision.title} for revision in line]}
    _common.result(text, data, as_json=as_json)
