"""``lmsschema tenants partitions ensure``."""

import dataclasses
import functools

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions
from lmsschema.cli.tenants import _common as _tenants


@click.command(epilog="Example, as a cron job: lmsschema tenants partitions ensure -q")
@click.option("--ahead", type=click.IntRange(0, 1200), metavar="N", help="Months ahead [3].")
@_common.lock_wait_option
@_partitions.quiet_option
@_tenants.jobs_option
@_tenants.selection_options
def command(  # noqa: PLR0917  click passes them by name
    ahead: int | None,
    wait: float,
    jobs: int,
    only: tuple[str, ...],
    but: tuple[str, ...],
    url: str | None,
    *,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make the partitions of all tenants, from the current month to the months ahead.

    One query finds the tenants that lack some; the others cost nothing. Exits 3 if rows of a
    default block a month, 5 if only locks were not obtained in time.
    """
    from lmsschema.cli.tenants import _jobs
    from lmsschema.tenants import states

    policies = [
        one if ahead is None else dataclasses.replace(one, ahead=ahead)
        for one in _common.policies()
    ]
    with _common.open_database(url, None, quiet=quiet) as database:
        every = _tenants.tenants(database, only, but)
        due = states.due(database, policies, [one.schema for one in every])
        target = database.target
    job = functools.partial(_jobs.ensure, policies=policies, wait=wait)
    run = _tenants.work(target, job, due, jobs=jobs, quiet=quiet)
    _tenants.tell_failures("partitions ensure", run)
    if as_json or not quiet:
        made = len(run.results) - len(run.failed)
        text = f"{len(every)} tenants: {made} got partitions, {len(every) - len(due)} had all"
        if run.failed:
            text += f", {len(run.failed)} failed"
        if run.left:
            text += f", {len(run.left)} not begun"
        _common.result(text, _tenants.data(run), as_json=as_json)
    return _tenants.code(run)
