"""``lmsschema plan``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common, _layout
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.migration.plan import Plan


@click.command(epilog="Example: lmsschema plan --url service=lms > upgrade.sql")
@click.argument("revision", default="head")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A revision of your own, instead of lmsschema's.",
)
@_common.shadow_option
@_common.database_options
def command(
    revision: str,
    files: tuple[Path, ...],
    shadow_url: str | None,
    url: str | None,
    schema: str | None,
    *,
    as_json: bool,
) -> int:
    """Print the SQL that upgrade would run on the database as it is now.

    Where tables have rows, comments say which locks the revisions take on them, measured on a
    scratch copy, and which of them are hazards. The database is read in read-only transactions.
    With --json the plan can be kept for 'upgrade --plan FILE'. Exit code 3: upgrade will refuse,
    for the reason that is told.
    """
    from lmsschema.migration import application_plan, plan

    with _common.open_database(url, schema) as database:
        tell = _common.Teller()
        if files:
            made = application_plan.make(database, files, shadow_url=shadow_url, notify=tell)
        else:
            made = plan.make(database, revision, shadow_url=shadow_url, notify=tell)
    return show(made, database.schema, "upgrade", as_json=as_json)


def show(made: "Plan", schema: str, command_name: str, *, as_json: bool) -> int:
    """Print a plan; return the exit code.

    Args:
        made: The plan.
        schema: The schema.
        command_name: The command that carries it out.
        as_json: Print it as JSON.
    """
    from lmsschema.migration import plan

    for found in made.assessment.hazards.values():
        for hazard in found:
            _common.say(f"hazard {hazard.kind}: {hazard}")
    if not made.steps and made.refused is None:
        _common.say("nothing to do")
    data = {"schema": schema, **plan.as_data(made)}
    _common.result(_layout.script(plan.render(made)), data, as_json=as_json)
    if made.refused is None:
        return 0
    _common.say(f"{command_name} will refuse: {made.refused.message}")
    _common.say(f"hint: {made.refused.hint}")
    return FindingsError.exit_code
