"""``lmsschema indexes``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "show": "Show the index profile of the database, and its indexes.",
    "plan": "Print what set would do, and what that locks; change nothing.",
    "set": "Give the database an index profile while it is in use.",
    "advise": "Show what each index is used for, and what it costs.",
}

command = LazyGroup(
    package="lmsschema.cli.indexes",
    commands=COMMANDS,
    name="indexes",
    help="Index profiles: faithful (the guide's indexes) and lean (those that were measured).",
    epilog="Example: lmsschema indexes plan lean > lean.sql",
)
