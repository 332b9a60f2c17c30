"""``lmsschema stamp``."""

import click

from lmsschema.cli import _common


@click.command(epilog="Example: lmsschema stamp 0003_analytics --schema campus_north")
@click.argument("revision")
@_common.wait_option
@_common.database_options
def command(
    revision: str, wait: float, url: str | None, schema: str | None, *, as_json: bool
) -> None:
    """Record REVISION as the database's own, without running anything.

    For a database whose tables were made by other means and equal that revision. What is recorded
    wrongly makes the next upgrade fail or leave something out.
    """
    from lmsschema.migration import revisions
    from lmsschema.migration.stamp import stamp

    with _common.open_database(url, schema) as database:
        before, after = stamp(database, revision, wait=wait, notify=_common.Teller())
    text = f"stamped {before or revisions.BASE} -> {after or revisions.BASE}"
    data = {"schema": database.schema, "from": before, "to": after}
    _common.result(text, data, as_json=as_json)
