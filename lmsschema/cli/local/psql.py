"""``lmsschema local psql``."""

import os
import sys

import click

from lmsschema.cli import _common
from lmsschema.cli.local import _options
from lmsschema.local_server import embedded


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Example: lmsschema local psql -- -c 'SELECT count(*) FROM users'",
)
@_common.output_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS OF PSQL]")
def command(arguments: tuple[str, ...], *, as_json: bool) -> None:
    """Open the embedded server's database with psql; start the server if necessary.

    Arguments after -- are passed to psql unchanged; the exit code is psql's. With --json, psql is
    not run: the command that would be run is printed.
    """
    program = embedded.psql()
    server = embedded.ensure_running(os.environ)
    _options.say_if_started(server)
    if as_json:
        argv = [str(program), *arguments]
        environment = embedded.status(os.environ).variables(embedded.DATABASE)
        data = {"argv": argv, "environment": environment, "url": server.url}
        _common.result("", data, as_json=True)
        return
    sys.stderr.flush()
    os.execve(program, ["psql", *arguments], embedded.psql_environ(os.environ))  # noqa: S606  no shell is meant
