"""``lmsschema load oulad``."""

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load


@click.command(epilog="Example: lmsschema load oulad oulad.zip --institution uni.example")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_load.institution_option
@_load.roster_options
@_load.lock_wait_option
@_common.database_options
def command(
    sources: tuple[str, ...],
    *,
    domain: str,
    max_line: str,
    dry_run: bool,
    wait: float,
    url: str | None,
    schema: str | None,
    as_json: bool,
) -> int:
    """Load the Open University Learning Analytics Dataset: a folder, an archive, or its files.

    Students, presentations, registrations and clicks; assessments are not read. Exits 3 if lines
    were rejected.
    """
    from lmsschema.load import csv_rows, oulad, rejects, roster, run, source
    from lmsschema.load.record import namespace

    longest = _load.size(max_line, "--max-line")
    found = oulad.find(source.find(sources))
    with _common.open_database(url, schema) as database:
        context = _load.context(database, wait)
        whose = run.institution(context, domain)
        form = oulad.OuladFormat(found, whose.domain, whose.now)
        options = run.Options(missing="create", longest=longest)
        done = (
            roster.preview(form, longest) if dry_run else roster.load(context, whose, form, longest)
        )
        files, left = done.files, {}
        if "studentvle" in found:
            clicks = oulad.OuladClicks(
                namespace(whose.id),
                csv_rows.columns(found["studentvle"], oulad.CLICKS),
                form.activities,
                whose.now,
            )
            files += (
                run.preview(clicks, [found["studentvle"]], options)
                if dry_run
                else run.load(context, whose, clicks, [found["studentvle"]], options)
            )
        if not dry_run:
            left = rejects.left(context, whose.id, [one.id for one in files if one.id])
    return _load.report(files, left, as_json=as_json, roster=done)
