"""``lmsschema createdb``."""

import time

import click

from lmsschema.cli import _common, _confirm


@click.command(epilog="Example: lmsschema createdb lms_test --replace --yes")
@click.argument("name")
@click.option("--owner", metavar="ROLE", help="Who owns it and what is in it [who connects].")
@click.option("--encoding", default="UTF8", metavar="NAME", help="Its encoding [UTF8].")
@click.option("--locale", metavar="NAME", help="Its locale [the server's, if it fits].")
@click.option("--no-template", is_flag=True, help="Build it by upgrade; neither use nor keep one.")
@click.option("--replace", is_flag=True, help="Drop the database that has this name, if there is.")
@_confirm.yes_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    name: str,
    owner: str | None,
    encoding: str,
    locale: str | None,
    url: str | None,
    schema: str | None,
    *,
    no_template: bool,
    replace: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Create the database NAME at head, on the server that --url names.

    It is a copy of a template database, which takes milliseconds; the template is built and kept
    if the server has none that is up to date.
    """
    from lmsschema.createdb import databases
    from lmsschema.createdb.content import Text
    from lmsschema.migration import revisions

    chosen = _common.target(url, schema)
    begun = time.monotonic()
    with databases.connect(chosen) as server:
        _common.say(f"server of: {chosen} (from {chosen.source})")
        created = databases.create(
            server,
            name,
            template=not no_template,
            owner=owner,
            text=Text(encoding, locale),
            replace=_confirm.asking(yes=yes) if replace else None,
        )
    seconds = time.monotonic() - begun
    how = f"a copy of {created.template}" if created.template else "built by upgrade"
    data = {
        "database": name,
        "schema": schema,
        "revision": revisions.head(),
        "template": created.template,
        "template_built": created.template_built,
        "replaced": created.replaced,
        "seconds": seconds,
    }
    text = f"{name} at {revisions.head()}, {how}, in {seconds:.2f} s"
    _common.result(text, data, as_json=as_json)
