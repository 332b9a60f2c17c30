"""``lmsschema revision``."""

from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common
from lmsschema.errors import FindingsError, LmsschemaError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(epilog='Example: lmsschema revision -m "course search in Spanish"')
@click.option("-m", "--message", required=True, metavar="TEXT", help="What the revision does.")
@_common.output_options
def command(message: str, *, as_json: bool) -> int:
    """Write a new, empty revision file after the newest one (for contributors).

    It lies in migrations/versions of the checkout, and its comments say which locks matter.
    'alembic revision --autogenerate' in the checkout writes one with what the tables add. What is
    written is linted, as by 'lmsschema lint FILE': exit code 3 if that finds anything.
    """
    from lmsschema.migration import runner

    path = runner.new_revision(message)
    found = _lint(path)
    _common.result(str(path), {"revision": path.stem, "path": str(path)}, as_json=as_json)
    return FindingsError.exit_code if found else 0


def _lint(path: "Path") -> int:
    """Say what the linters find in the file, or why they can't look; return how much they found."""
    from lmsschema.cli.lint import as_text
    from lmsschema.lint import scripts

    try:
        _, found = scripts.run([path])
    except LmsschemaError as error:
        _common.say(f"not linted: {error.message}; {error.hint}".rstrip("; "))
        return 0
    for one in found:
        _common.say(as_text(one))
    return len(found)
