"""``lmsschema dropdb``."""

import click

from lmsschema.cli import _common, _confirm


@click.command(epilog="Example: lmsschema dropdb lms_test --yes")
@click.argument("name")
@click.option("--url", metavar="URL", help="The server, by a database of it [see --help].")
@_confirm.yes_option
@_common.output_options
def command(name: str, url: str | None, *, yes: bool, as_json: bool) -> None:
    """Drop the database NAME with all its data, on the server that --url names.

    It is refused (exit code 6) while somebody is connected to it, and where nobody can be asked
    unless --yes is given.
    """
    from lmsschema.createdb import databases

    chosen = _common.target(url, None)
    with databases.connect(chosen) as server:
        _common.say(f"server of: {chosen} (from {chosen.source})")
        databases.drop(server, name, _confirm.asking(yes=yes))
    _common.result(f"dropped {name}", {"database": name, "dropped": True}, as_json=as_json)
