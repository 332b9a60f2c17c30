"""``lmsschema rollup rebuild``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.rollup import _common as _rollup


@click.command(epilog="Example: lmsschema rollup rebuild --span 86400")
@_rollup.step_options
@_common.lock_wait_option
@_rollup.quiet_option
@_common.database_options
def command(
    lag: float,
    span: float,
    wait: float,
    url: str | None,
    schema: str | None,
    *,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compute everything anew, in steps, while others read and write.

    What was computed from months that were pruned since stays. If it is interrupted, the
    next 'rollup run' continues it.
    """
    from lmsschema.rollup import run

    with _common.open_database(url, schema, quiet=quiet) as database:
        context = _rollup.context(database, wait, quiet=quiet)
        done = run.rebuild(context, run.StepOptions(lag, span))
    return _rollup.report(done, quiet=quiet, as_json=as_json)
