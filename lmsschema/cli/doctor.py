"""``lmsschema doctor``."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from lmsschema.cli import _common, _layout
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.doctor.examine import Examination
    from lmsschema.doctor.finding import Finding


@click.command(epilog="Example: lmsschema doctor --url service=lms --schema campus_north")
@click.option(
    "--age",
    type=click.FloatRange(min=0),
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="Age from which a transaction is old, and an idle run dead.",
)
@_common.database_options
def command(age: float, url: str | None, schema: str | None, *, as_json: bool) -> int:
    """Report problems of the schema, each with the commands that fix it.

    Looks at invalid, redundant and unused indexes, constraints that were never validated, foreign
    keys without an index, rows that contradict each other, partitions, the lock of a dead run, old
    transactions, and rows that have not been frozen for long. Changes nothing, and waits a tenth of
    a second at most for a lock. Needs no privileges on the tables, and works on a standby.

    Exit code 0: no action required; 3: action required.
    """
    from lmsschema.doctor import examine
    from lmsschema.doctor.finding import Limits

    with _common.open_database(url, schema) as database:
        report = examine.examine(
            database, Limits(age=timedelta(minutes=age)), policies=_common.policies()
        )
    data = {
        "healthy": report.healthy,
        "schema": database.schema,
        "standby": report.standby,
        "statistics_since": report.statistics_since,
        "findings": [finding.data() for finding in report.findings],
    }
    _common.result(_text(report), data, as_json=as_json)
    return 0 if report.healthy else FindingsError.exit_code


def _text(report: "Examination") -> str:
    """Return the report for a person."""
    lines: list[str] = []
    urgent = [finding for finding in report.findings if finding.action_required]
    others = [finding for finding in report.findings if not finding.action_required]
    if urgent:
        lines.append(click.style("action required", bold=True))
        lines += [line for finding in urgent for line in _lines(finding)]
    if others:
        lines.append(click.style("worth knowing", bold=True))
        lines += [line for finding in others if finding.remedy for line in _lines(finding)]
        lines += _without_remedy([finding for finding in others if not finding.remedy])
    if report.standby:
        lines.append("this server is a standby: run the commands on its primary")
    lines.append(f"action required: {len(urgent)}, worth knowing: {len(others)}")
    return "\n".join(lines)


def _without_remedy(findings: "list[Finding]") -> list[str]:
    """Return the findings without a remedy; the guide's redundant indexes in one line."""
    redundant = [one.name for one in findings if one.topic == "redundant-index"]
    lines = [line for one in findings if one.name not in redundant for line in _lines(one)]
    if redundant:
        said = f"{len(redundant)} redundant indexes are kept, since the guide declares them"
        lines += _layout.prose(f"{said}: {', '.join(redundant)}", "  - ", "    ")
    return lines


def _lines(finding: "Finding") -> list[str]:
    from lmsschema.ddl.statement import with_timeouts
    from lmsschema.drift import text

    mark = click.style("!", fg="red") if finding.action_required else "-"
    said = text.printable(f"{finding.name} {finding.message}")
    remedy = [*with_timeouts(finding.statements, locks=True), *finding.commands]
    return [
        *_layout.prose(said, f"  {mark} ", "    "),
        *(line for one in remedy for line in _layout.statement(text.printable(one), "      ")),
    ]
