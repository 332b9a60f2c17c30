"""``lmsschema indexes show``."""

import click

from lmsschema.cli import _common, _layout
from lmsschema.cli.indexes import _common as _indexes
from lmsschema.errors import FindingsError


@click.command(epilog="Example: lmsschema indexes show --url service=lms")
@_common.database_options
def command(url: str | None, schema: str | None, *, as_json: bool) -> int:
    """Show the index profile of the database, and its indexes.

    A table's indexes are listed with the profiles that have them, and their state where they are
    missing or invalid. Exit code 3: a change of the profile is not complete.
    """
    from lmsschema.doctor import advice

    with _common.open_database(url, schema) as database:
        found = advice.read(database)
    shown = [
        one for one in found.indexes if one.state != "missing" or found.profile in one.profiles
    ]
    lines = _layout.table(("INDEX", "PROFILES", "STATE"), [_indexes.row(one) for one in shown])
    lines.append(_indexes.head(found) + ("" if found.complete else ", not complete"))
    _common.result("\n".join(lines), _indexes.data(found), as_json=as_json)
    if found.complete:
        return 0
    _common.say(f"hint: lmsschema indexes set {found.profile} completes it")
    return FindingsError.exit_code
