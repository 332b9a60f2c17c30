"""``lmsschema partitions``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "ensure": "Make what is missing, from the current month to the months ahead.",
    "create": "Make the partitions of months that --from and --to name.",
    "list": "List the partitions, with what is odd about them.",
    "check": "For monitoring: until when all is well, and what is not.",
    "heal": "Move rows out of the default partition.",
    "prune": "Detach, export or drop what is older than --keep.",
    "restore": "Attach a detached partition again.",
}

command = LazyGroup(
    package="lmsschema.cli.partitions",
    commands=COMMANDS,
    name="partitions",
    help="Make, check, repair and prune the partitions of learning_events.",
    epilog="Example, as a cron job: lmsschema partitions ensure -q",
)
