"""``lmsschema local psql``."""

import os
import sys

import click

from lmsschema import local
from lmsschema.cli.local import _options


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Example: lmsschema local psql -- -c 'SELECT count(*) FROM users'",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS OF PSQL]")
def command(arguments: tuple[str, ...]) -> None:
    """Open the embedded server's database with psql; start the server if need be.

    What follows -- goes to psql as it is; the exit code is psql's.
    """
    program = local.psql()
    server = local.ensure_running(os.environ)
    _options.say_if_started(server)
    sys.stderr.flush()
    os.execve(program, ["psql", *arguments], local.psql_environ(os.environ))  # noqa: S606  no shell is meant
