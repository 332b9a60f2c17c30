"""``lmsschema revision``."""

import click

from lmsschema.cli import _common


@click.command(epilog='Example: lmsschema revision -m "course search in Spanish"')
@click.option("-m", "--message", required=True, metavar="TEXT", help="What the revision does.")
@_common.output_options
def command(message: str, *, as_json: bool) -> None:
    """Write a new, empty revision file after the newest one (for contributors).

    It lies in migrations/versions of the checkout, and its comments say which locks matter.
    'alembic revision --autogenerate' in the checkout writes one with what the tables add.
    """
    from lmsschema import runner

    path = runner.new_revision(message)
    _common.result(str(path), {"revision": path.stem, "path": str(path)}, as_json=as_json)
