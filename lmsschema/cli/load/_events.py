"""The commands that load events: they differ in the format alone."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lmsschema.cli import _common
from lmsschema.cli.load import _common as _load

if TYPE_CHECKING:
    from lmsschema.load.record import Missing


def events_command(name: str, what: str, example: str) -> click.Command:
    """Return the command that loads the events of a format.

    Args:
        name: The format.
        what: What its lines are, in words.
        example: The name of a file.
    """
    text = f"""Load {what}, of files, folders, zip archives or -.

    Exits 3 if lines were rejected; they are kept (lmsschema load rejects).
    """
    epilog = f"Example: lmsschema load {name} {example} --institution uni.example"

    @click.command(help=text, epilog=epilog)
    @click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
    @_load.institution_option
    @_load.mapping_options
    @_load.max_line_option
    @click.option(
        "--batch",
        type=click.IntRange(1, 10_000),
        default=10_000,
        metavar="N",
        help="Lines of a transaction [10000].",
    )
    @click.option("--dry-run", is_flag=True, help="Read the sources; write nothing.")
    @_load.lock_wait_option
    @_common.database_options
    def command(
        sources: tuple[str, ...],
        *,
        domain: str,
        missing: str,
        time_zone: str | None,
        since: str | None,
        until: str | None,
        verbs: Path | None,
        max_line: str,
        batch: int,
        dry_run: bool,
        wait: float,
        url: str | None,
        schema: str | None,
        as_json: bool,
    ) -> int:
        from lmsschema.load import rejects, run, source

        longest = _load.size(max_line, "--max-line")
        found = source.find(sources)
        options = run.Options(missing=cast("Missing", missing), batch=batch, longest=longest)
        with _common.open_database(url, schema) as database:
            context = _load.context(database, wait)
            whose = run.institution(context, domain)
            form = _load.event_format(
                name,
                whose,
                missing=missing,
                time_zone=time_zone,
                since=since,
                until=until,
                verbs=verbs,
            )
            if dry_run:
                return _load.report(run.preview(form, found, options), {}, as_json=as_json)
            done = run.load(context, whose, form, found, options)
            left = rejects.left(context, whose.id, [one.id for one in done if one.id])
        return _load.report(done, left, as_json=as_json)

    return command
