"""``lmsschema rollup``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "run": "Compute what has become due since the last run.",
    "status": "For monitoring: how far the rollups are.",
    "rebuild": "Compute everything anew.",
}

command = LazyGroup(
    package="lmsschema.cli.rollup",
    commands=COMMANDS,
    name="rollup",
    help="Compute sessions, days, progress and grades from what has happened.",
    epilog="Example, as a cron job: lmsschema rollup run -q",
)
