"""``lmsschema indexes plan``."""

import click

from lmsschema.cli import _common
from lmsschema.cli import plan as _plan
from lmsschema.cli.indexes import _common as _indexes


@click.command(epilog="Example: lmsschema indexes plan lean --url service=lms > lean.sql")
@_indexes.profile_argument
@_common.shadow_option
@_common.database_options
def command(
    profile: str, shadow_url: str | None, url: str | None, schema: str | None, *, as_json: bool
) -> int:
    """Print the SQL that set PROFILE would run on the database as it is now.

    Where tables have rows, comments say which locks it takes on them, measured on a scratch copy.
    The database is read in read-only transactions. Exit code 3: set will refuse, for the reason
    that is told.
    """
    from lmsschema.migration import profile_plan

    with _common.open_database(url, schema) as database:
        tell = _common.Teller()
        made = profile_plan.make(database, profile, shadow_url=shadow_url, notify=tell)
    return _plan.show(made, database.schema, "set", as_json=as_json)
