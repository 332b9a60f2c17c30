"""``lmsschema local url``."""

import os

import click

from lmsschema.cli import _common
from lmsschema.cli.local import _options
from lmsschema.local_server import embedded


@click.command(epilog='Example: psql "$(lmsschema local url)"')
@_options.timeout_option
@_common.output_options
def command(timeout: float, *, as_json: bool) -> None:
    """Print the URL of the embedded server's database; start the server if necessary.

    psql and other libpq programs, psycopg and SQLAlchemy accept the URL. Only the account that
    runs the server, and root, can connect.
    """
    server = embedded.ensure_running(os.environ, timeout=timeout)
    _options.say_if_started(server)
    data = {"url": server.url, "conninfo": server.conninfo, "home": str(server.home)}
    _common.result(server.url, data, as_json=as_json)
