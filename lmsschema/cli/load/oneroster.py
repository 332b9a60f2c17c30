"""``lmsschema load oneroster``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load


@click.command(epilog="Example: lmsschema load oneroster roster.zip --institution uni.example")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_load.institution_option
@click.option(
    "--absent",
    type=click.Choice(["keep", "withdraw"]),
    default="keep",
    metavar="HOW",
    help="Enrollments that a bulk roster has no more: keep, withdraw [keep].",
)
@click.option("--allow-withdraw", is_flag=True, help="Withdraw more than 10 % of them.")
@_load.roster_options
@_load.lock_wait_option
@_common.database_options
def command(
    sources: tuple[str, ...],
    *,
    domain: str,
    absent: str,
    allow_withdraw: bool,
    max_line: str,
    dry_run: bool,
    wait: float,
    url: str | None,
    schema: str | None,
    as_json: bool,
) -> int:
    """Load a OneRoster archive or folder: users, classes and enrollments.

    Nobody is deleted. Exits 3 if lines were rejected; load the roster again once they are mended.
    """
    from lmsschema.load import oneroster, rejects, roster, run, source

    longest = _load.size(max_line, "--max-line")
    found = source.find(sources)
    with _common.open_database(url, schema) as database:
        context = _load.context(database, wait)
        whose = run.institution(context, domain)
        zone = _load.zone(whose.zone, f"timezone of the institution {domain}")
        form = oneroster.OneRosterFormat(found, domain, zone, whose.now)
        if absent == "withdraw" and not form.whole:
            raise click.UsageError("--absent withdraw is for rosters whose enrollments are bulk")
        if dry_run:
            done, left = roster.preview(form, longest), {}
        else:
            guard = 1.0 if allow_withdraw else roster.GUARD
            done = roster.load(
                context, whose, form, longest, withdraw=absent == "withdraw", guard=guard
            )
            left = rejects.left(context, whose.id, [one.id for one in done.files if one.id])
    return _load.report(done.files, left, as_json=as_json, roster=done)
