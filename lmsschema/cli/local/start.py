"""``lmsschema local start``."""

import os

import click

from lmsschema.cli import _common
from lmsschema.cli.local import _options
from lmsschema.local_server import embedded


@click.command(epilog="Example: LMSSCHEMA_HOME=/srv/lms lmsschema local start")
@_options.timeout_option
@_common.output_options
def command(timeout: float, *, as_json: bool) -> None:
    """Start the embedded server; if it does not exist, create it with an empty database lms.

    The server keeps running after the command. If it is running already, nothing changes.
    """
    server = embedded.ensure_running(os.environ, timeout=timeout)
    _options.say_if_started(server)
    data = {
        "home": str(server.home),
        "url": server.url,
        "conninfo": server.conninfo,
        "started": server.started,
    }
    state = "started" if server.started else "already running"
    _common.result(f"{state}: {server.url}", data, as_json=as_json)
