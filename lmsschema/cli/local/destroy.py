"""``lmsschema local destroy``."""

import os

import click

from lmsschema.cli import _common, _confirm
from lmsschema.cli.local import _options
from lmsschema.local_server import embedded


@click.command(epilog="Example: lmsschema local destroy --yes")
@_confirm.yes_option
@_options.timeout_option
@_common.output_options
def command(timeout: float, *, yes: bool, as_json: bool) -> None:
    """Stop the embedded server and remove it with all its data.

    Only files that lmsschema created are removed. The folder itself stays if LMSSCHEMA_HOME names
    it, or if it holds other files.
    """
    home = embedded.home(os.environ)
    if embedded.exists(os.environ):
        _confirm.asking(yes=yes)(f"Remove the embedded server in {home} with all its data?")
    removed = embedded.destroy(os.environ, timeout=timeout)
    text = f"removed the server in {home}" if removed else f"there is no server in {home}"
    _common.result(text, {"home": str(home), "removed": removed}, as_json=as_json)
