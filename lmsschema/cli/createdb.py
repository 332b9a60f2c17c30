"""``lmsschema createdb``."""

import time

import click

from lmsschema.cli import _common, _confirm
from lmsschema.names import FAITHFUL


@click.command(epilog="Example: lmsschema createdb lms_test --replace --yes")
@click.argument("name")
@click.option("--owner", metavar="ROLE", help="Owner of the database [the connecting role].")
@click.option("--encoding", default="UTF8", metavar="NAME", help="Encoding [UTF8].")
@click.option("--locale", metavar="NAME", help="Locale [the server's, if the encoding allows].")
@_common.profile_option(default=FAITHFUL)
@click.option("--no-template", is_flag=True, help="Run upgrade instead of copying a template.")
@click.option("--replace", is_flag=True, help="Drop an existing database of this name.")
@_confirm.yes_option
@_common.database_options
def command(  # noqa: PLR0917  click passes them by name
    name: str,
    owner: str | None,
    encoding: str,
    locale: str | None,
    profile: str,
    url: str | None,
    schema: str | None,
    *,
    no_template: bool,
    replace: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Create the database NAME at head, on the server that --url names.

    The database is copied from a template database, which takes milliseconds. If the server has no
    template that is up to date, one is built first and kept.
    """
    from lmsschema.createdb import databases
    from lmsschema.createdb.content import Text
    from lmsschema.migration import revisions

    chosen = _common.target(url, schema)
    begun = time.monotonic()
    with databases.connect(chosen) as server:
        _common.say(f"on the server of {chosen} (from {chosen.source})")
        created = databases.create(
            server,
            name,
            template=not no_template,
            owner=owner,
            text=Text(encoding, locale),
            profile=profile,
            replace=_confirm.asking(yes=yes) if replace else None,
        )
    seconds = time.monotonic() - begun
    how = f"a copy of {created.template}" if created.template else "built by upgrade"
    data = {
        "database": name,
        "schema": schema,
        "revision": revisions.head(),
        "profile": profile,
        "template": created.template,
        "template_built": created.template_built,
        "replaced": created.replaced,
        "seconds": seconds,
    }
    text = f"{name} at {revisions.head()}, {how}, in {seconds:.2f} s"
    _common.result(text, data, as_json=as_json)
