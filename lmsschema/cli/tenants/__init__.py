"""``lmsschema tenants``: one command a file."""

from lmsschema.cli._group import LazyGroup

COMMANDS = {
    "list": "List the tenants, with the revision of each.",
    "upgrade": "Bring all tenants to the newest revision, or to REVISION.",
    "check": "Compare all tenants with the declared schema.",
    "partitions": "Make the partitions of all tenants: ensure.",
}

command = LazyGroup(
    package="lmsschema.cli.tenants",
    commands=COMMANDS,
    name="tenants",
    help="""Do for many tenants what the command of the same name does for one.

    A tenant is a schema of the database that has lmsschema's version table.
    """,
    epilog="Example: lmsschema tenants upgrade --jobs 4 --canary campus_test --url service=lms",
)
