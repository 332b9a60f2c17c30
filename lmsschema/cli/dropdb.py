"""``lmsschema dropdb``."""

import click

from lmsschema.cli import _common, _confirm


@click.command(epilog="Example: lmsschema dropdb lms_test --yes")
@click.argument("name")
@click.option("--url", metavar="URL", help="Any database of the server [see lmsschema --help].")
@_confirm.yes_option
@_common.output_options
def command(name: str, url: str | None, *, yes: bool, as_json: bool) -> None:
    """Drop the database NAME with all its data, on the server that --url names.

    Refused (exit code 6) while a session is connected to the database, and if there is no terminal
    to ask on and --yes is not given.
    """
    from lmsschema.createdb import databases

    chosen = _common.target(url, None)
    with databases.connect(chosen) as server:
        _common.say(f"on the server of {chosen} (from {chosen.source})")
        databases.drop(server, name, _confirm.asking(yes=yes))
    _common.result(f"dropped {name}", {"database": name, "dropped": True}, as_json=as_json)
