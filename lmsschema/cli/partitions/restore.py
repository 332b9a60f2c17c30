"""``lmsschema partitions restore``."""

from pathlib import Path

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions


@click.command(epilog="Example: lmsschema partitions restore learning_events_2024_01")
@click.argument("name", required=False)
@click.option(
    "--from-export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Load this file that prune --export wrote, then attach it.",
)
@_partitions.table_option
@_common.lock_wait_option
@_partitions.quiet_option
@_common.database_options
def command(
    name: str | None,
    file: Path | None,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    table: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Attach a partition again that prune detached, with the bounds that it had.

    NAME is the detached table, which says whose partition it was. Rows of its month in the
    default partition move into it.
    """
    from lmsschema.partition_manager import restore
    from lmsschema.partition_manager.reload import reload

    if (name is None) == (file is None):
        raise click.UsageError("name a detached table, or a file with --from-export")
    policy = _partitions.policy(table)
    with _common.open_database(url, schema, quiet=quiet) as database:
        if table is None and name is not None:
            defaults = {one.default_name: one.table for one in _common.policies()}
            policy = _partitions.policy(defaults.get(name) or restore.table_of(database, name))
        context = _partitions.context(database, wait, quiet=quiet)
        name = name if file is None else reload(context, policy, file)
        bounds = restore.restore(context, policy, str(name))
    if as_json or not quiet:
        text = f"{name}: from {_partitions.utc(bounds.lower)} to {_partitions.utc(bounds.upper)}"
        data = {"restored": name, "from": bounds.lower, "to": bounds.upper}
        _common.result(text, data, as_json=as_json)
