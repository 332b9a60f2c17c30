"""``lmsschema local stop``."""

import os

import click

from lmsschema.cli import _common
from lmsschema.cli.local import _options
from lmsschema.local_server import embedded


@click.command(epilog="Example: lmsschema local stop")
@_options.timeout_option
@_common.output_options
def command(timeout: float, *, as_json: bool) -> None:
    """Stop the embedded server. Open transactions are rolled back; the data is kept."""
    server = embedded.find(os.environ)
    stopped = server.stop(timeout=timeout)
    text = f"stopped the server in {server.home}" if stopped else "not running"
    _common.result(text, {"home": str(server.home), "stopped": stopped}, as_json=as_json)
