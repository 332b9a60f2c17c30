"""``lmsschema partitions restore``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions


@click.command(epilog="Example: lmsschema partitions restore learning_events_2024_01")
@click.argument("name")
@_partitions.table_option
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    name: str,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    table: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Attach a partition again that prune detached, with the bounds that it had."""
    from lmsschema.partition_manager import restore

    policy = _partitions.policy(table)
    with _common.open_database(url, schema, quiet=quiet) as database:
        bounds = restore.restore(_partitions.context(database, wait, quiet=quiet), policy, name)
    if as_json or not quiet:
        text = f"{name}: from {_partitions.utc(bounds.lower)} to {_partitions.utc(bounds.upper)}"
        data = {"restored": name, "from": bounds.lower, "to": bounds.upper}
        _common.result(text, data, as_json=as_json)
