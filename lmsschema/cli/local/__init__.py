"""``lmsschema local``: the embedded server."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "start": "Start it; the first time, make it.",
    "stop": "Stop it; its data stays.",
    "status": "Say whether it runs (exit code 0) or not (3).",
    "url": "Print its URL, for programs; start it if need be.",
    "psql": "Open it with psql; start it if need be.",
    "destroy": "Remove it with all its data.",
}

command = LazyGroup(
    package="lmsschema.cli.local",
    commands=COMMANDS,
    name="local",
    help="""The embedded PostgreSQL server, for use where no other is at hand.

    Commands that are given no database use it, and start it if need be. It listens on a Unix
    socket alone. It lives in LMSSCHEMA_HOME, else in ~/.local/share/lmsschema, for root in
    /var/lib/lmsschema. It comes with: pip install "lmsschema[local]"
    """,
    epilog="Example: lmsschema local start",
)
