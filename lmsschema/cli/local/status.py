"""``lmsschema local status``."""

import datetime as dt
import os

import click

from lmsschema.cli import _common
from lmsschema.errors import FindingsError
from lmsschema.local_server import embedded
from lmsschema.local_server.process import ServerState


@click.command(epilog="Example: lmsschema local status --json")
@_common.output_options
def command(*, as_json: bool) -> int:
    """Print whether the embedded server runs: exit code 0 if it accepts connections, else 3."""
    found = embedded.status(os.environ)
    home = embedded.home(os.environ)
    since = dt.datetime.fromtimestamp(found.since, dt.UTC) if found.since else None
    running, made = found.state is ServerState.READY, found.data.exists()
    data = {
        "state": found.state,
        "home": str(home),
        "made": made,
        "pid": found.pid,
        "since": since,
        "url": found.url(embedded.DATABASE) if running else None,
    }
    if found.pid:
        when = f", since {since:%Y-%m-%d %H:%M} UTC" if since else ""
        text = f"{found.state} in {home} (process {found.pid}{when})"
    else:
        state = "stopped" if embedded.exists(os.environ) else "not created yet"
        text = f"{state}, in {home}"
    _common.result(text, data, as_json=as_json)
    return 0 if running else FindingsError.exit_code
