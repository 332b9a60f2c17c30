"""``lmsschema local destroy``."""

import os
import sys

import click

from lmsschema import local
from lmsschema.cli import _common
from lmsschema.cli.local import _options
from lmsschema.errors import UnsafeError


@click.command(epilog="Example: lmsschema local destroy --yes")
@click.option("--yes", is_flag=True, help="Do it without asking; needed where no one can be asked.")
@_options.timeout_option
@_common.output_options
def command(timeout: float, *, yes: bool, as_json: bool) -> None:
    """Stop the embedded server and remove it with all its data.

    Only what lmsschema made is removed: its folder stays if LMSSCHEMA_HOME names it, or if it
    holds anything else.
    """
    home = local.home(os.environ)
    if local.exists(os.environ) and not yes:
        _ask(f"Remove the embedded server in {home} with all its data?")
    removed = local.destroy(os.environ, timeout=timeout)
    text = f"removed the server in {home}" if removed else f"there is none in {home}"
    _common.result(text, {"home": str(home), "removed": removed}, as_json=as_json)


def _ask(question: str) -> None:
    """Ask on the terminal; raise UnsafeError for a no, or where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UnsafeError(
            "all data of the embedded server would be lost, and no terminal to ask on",
            hint="If that is meant: lmsschema local destroy --yes",
        )
    if not click.confirm(question, err=True):
        raise UnsafeError("nothing was removed")
