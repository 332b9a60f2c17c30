"""``lmsschema rollup run``."""

import datetime as dt

import click

from lmsschema.cli import _common
from lmsschema.cli.rollup import _common as _rollup


@click.command(epilog="Example, as a cron job: lmsschema rollup run -q")
@_rollup.step_options
@click.option("--from", "since", metavar="TIME", help="Take up again what came since then.")
@click.option("--to", "until", metavar="TIME", help="Take up again what came until then.")
@_common.lock_wait_option
@_rollup.quiet_option
@_common.database_options
def command(
    lag: float,
    span: float,
    since: str | None,
    until: str | None,
    *,
    wait: float,
    url: str | None,
    schema: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compute what has become due, in steps of a transaction each, until nothing is left.

    Exits 0 also if another run is at work, 5 if a lock was not obtained in time; run again, it
    goes on from there.
    """
    start, end = _moment("--from", since), _moment("--to", until)
    if start and end and start >= end:
        raise click.UsageError(f"--from {since} is not before --to {until}")
    from lmsschema.rollup import run

    options = run.StepOptions(lag, span, start, end)
    with _common.open_database(url, schema, quiet=quiet) as database:
        done = run.run(_rollup.context(database, wait, quiet=quiet), options)
    return _rollup.report(done, quiet=quiet, as_json=as_json)


def _moment(option: str, text: str | None) -> dt.datetime | None:
    """Return a time, in UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option} {text!r} is no time such as 2026-02-28T23:59") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
