"""``lmsschema load``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "xapi": "Load xAPI statements, one a line.",
    "caliper": "Load Caliper events or envelopes, one a line.",
    "edx": "Load tracking logs of Open edX.",
    "oulad": "Load the Open University Learning Analytics Dataset.",
    "oneroster": "Load a OneRoster archive: users, classes, enrollments.",
    "status": "List the files that were loaded, and how far.",
    "rejects": "Count the lines that could not be loaded, or write them to a file.",
    "retry": "Try the rejected lines again.",
}

command = LazyGroup(
    package="lmsschema.cli.load",
    commands=COMMANDS,
    name="load",
    help="""Load learning records of other systems into the schema's tables.

    An interrupted load goes on where it stopped. What is there already stays as it is. To install
    what it needs: pip install "lmsschema[load]"
    """,
    epilog="Example: lmsschema load xapi statements.jsonl.gz --institution uni.example",
)
