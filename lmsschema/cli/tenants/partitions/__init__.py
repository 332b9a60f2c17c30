"""``lmsschema tenants partitions``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {"ensure": "Make what is missing, from the current month to the months ahead."}

command = LazyGroup(
    package="lmsschema.cli.tenants.partitions",
    commands=COMMANDS,
    name="partitions",
    help="Make the partitions of all tenants.",
    epilog="Example, as a cron job: lmsschema tenants partitions ensure -q",
)
