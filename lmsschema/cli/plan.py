"""``lmsschema plan``."""

import click

from lmsschema.cli import _common


@click.command(epilog="Example: lmsschema plan --url service=lms > upgrade.sql")
@click.argument("revision", default="head")
@_common.database_options
def command(revision: str, url: str | None, schema: str | None, *, as_json: bool) -> None:
    """Print the SQL that upgrade would run on the database as it is now.

    The database is read in read-only transactions; nothing is changed.
    """
    from lmsschema import plan

    with _common.open_database(url, schema) as database:
        made = plan.make(database, revision)
    data = {
        "schema": database.schema,
        "from": made.before,
        "to": made.after,
        "steps": [{"name": step.name, "sql": step.sql} for step in made.steps],
    }
    if not made.steps:
        _common.say("nothing to do")
    _common.result("\n".join(step.sql for step in made.steps).rstrip("\n"), data, as_json=as_json)
