"""``lmsschema current``."""

import click

from lmsschema.cli import _common


@click.command(epilog="Example: lmsschema current --url service=lms")
@_common.database_options
def command(url: str | None, schema: str | None, *, as_json: bool) -> None:
    """Show the revision that the database is at, and how many are pending."""
    from lmsschema.migration import revisions
    from lmsschema.migration.position import current

    with _common.open_database(url, schema) as database:
        revision = current(database)
    pending = revisions.ids()[revisions.position(revision) :]
    data = {
        "schema": database.schema,
        "revision": revision,
        "head": revisions.head(),
        "pending": pending,
    }
    state = f"{len(pending)} pending" if pending else "head"
    _common.result(f"{revision or revisions.BASE} ({state})", data, as_json=as_json)
