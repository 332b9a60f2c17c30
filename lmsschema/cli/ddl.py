"""``lmsschema ddl``."""

import click

from lmsschema.cli import _common
from lmsschema.names import FAITHFUL


@click.command(epilog="Example: lmsschema ddl > lms.sql && psql -1 -f lms.sql lms")
@click.option("--schema", metavar="NAME", help="Schema to create everything in [psql's own].")
@_common.profile_option(default=FAITHFUL)
@_common.output_options
def command(schema: str | None, profile: str, *, as_json: bool) -> None:
    """Print the whole schema as one SQL script for an empty database, without connecting to one.

    The script creates what upgrade creates, including the version table and the partitions of this
    month and the next three, so that upgrade can continue from there. Run it in one transaction:
    psql -1.
    """
    from datetime import UTC, datetime

    from lmsschema.database import target
    from lmsschema.migration import revisions, schema_script

    if schema is not None:
        target.check_schema_name(schema)
    text = schema_script.render(schema, datetime.now(UTC), profile)
    data = {"revision": revisions.head(), "profile": profile, "sql": text}
    _common.result(text.rstrip("\n"), data, as_json=as_json)
