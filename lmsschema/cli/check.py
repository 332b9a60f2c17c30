"""``lmsschema check``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common, _drift
from lmsschema.errors import FindingsError
from lmsschema.names import FAITHFUL

if TYPE_CHECKING:
    from lmsschema.drift.check import DriftReport
    from lmsschema.drift.compare import Difference

_COLOURS = {"-": "red", "+": "green", "~": "yellow", "?": "cyan"}


@click.command(epilog="Example: lmsschema check --strict --ignore 'backup_*' --url service=lms")
@click.option("--strict", is_flag=True, help="Count objects that are not declared as drift.")
@_drift.drift_options
@_common.database_options
def command(
    url: str | None,
    schema: str | None,
    shadow_url: str | None,
    ignore: tuple[str, ...],
    *,
    strict: bool,
    as_sql: bool,
    as_json: bool,
) -> int:
    """Compare the database with the declared schema.

    PostgreSQL builds the declared schema in a transaction that is rolled back; both schemas are
    read from the catalogs and compared. Nothing is changed, and no writer waits. Exit code 0:
    equal; 3: drift, or revisions are pending.
    """
    from lmsschema.drift import check, script

    with _common.open_database(url, schema) as database:
        report = check.run(
            database,
            ignore=ignore,
            declare=_common.extensions(),
            policies=_common.policies(),
            shadow_url=shadow_url,
            notify=_common.say,
        )
    clean = report.clean(strict=strict)
    if as_sql:
        text = script.render(report.drift, report.expected, report.found, database.schema)
    else:
        text = _text(report, strict=strict)
    _common.result(
        text, _data(report, database.schema, clean=clean, with_sql=as_sql), as_json=as_json
    )
    return 0 if clean else FindingsError.exit_code


def _text(report: "DriftReport", *, strict: bool) -> str:
    """Return the report for a person, grouped by table."""
    from lmsschema.drift import text as drift_text

    lines: list[str] = []
    relation = None
    for difference in report.drift:
        if difference.identity.relation != relation:
            relation = difference.identity.relation
            lines.append(click.style(drift_text.printable(relation or "schema"), bold=True))
        lines.append(f"  {_line(difference)}")
    if report.unmanaged:
        meaning = "drift with --strict" if strict else "no drift without --strict"
        lines.append(click.style(f"not declared ({meaning})", bold=True))
        lines.extend(f"  {_line(difference)}" for difference in report.unmanaged)
    if report.extensions:
        lines.append(click.style("declared extensions", bold=True))
        lines.extend(f"  = {drift_text.printable(str(one))}" for one in report.extensions)
    if report.pending:
        lines.append(f"pending: {', '.join(report.pending)}")
    if report.changing:
        lines.append(
            "pending: a change of the index profile is not complete; lmsschema indexes set "
            f"{report.profile} completes it"
        )
        lines.extend(
            f"  {_line(one)} ({drift_text.printable(one.identity.relation)})"
            for one in report.changing
        )
    lines.append(_summary(report))
    return "\n".join(lines)


def _line(difference: "Difference") -> str:
    from lmsschema.drift import text as drift_text

    mark = drift_text.MARKS[difference.problem]
    return f"{click.style(mark, fg=_COLOURS[mark])} {drift_text.describe(difference)}"


def _summary(report: "DriftReport") -> str:
    """Return the last line: what was compared, and the counts."""
    if not report.expected.objects:
        return "none of the declared tables exists yet; to create them: lmsschema upgrade"
    against = f"revision {report.revision}" if report.revision else "the declared schema"
    against += "" if report.profile == FAITHFUL else f", index profile {report.profile}"
    tables = len({difference.identity.relation for difference in report.drift})
    counts = [
        f"{_drift.number(len(report.drift), 'difference')} on {_drift.number(tables, 'relation')}"
        if report.drift
        else "no differences",
        f"{len(report.unmanaged)} not declared" if report.unmanaged else "",
        _drift.number(len(report.extensions), "declared extension") if report.extensions else "",
        f"{_drift.number(len(report.pending), 'revision')} pending" if report.pending else "",
        f"{_drift.number(len(report.changing), 'index change')} pending" if report.changing else "",
        f"{report.ignored} ignored" if report.ignored else "",
    ]
    return f"compared with {against}: {', '.join(filter(None, counts))}"


def _data(report: "DriftReport", schema: str, *, clean: bool, with_sql: bool) -> dict[str, Any]:
    """Return the report for a program."""
    from lmsschema.drift import data

    sides = report.expected, report.found
    return {
        "clean": clean,
        "revision": report.revision,
        "pending": report.pending,
        "profile": report.profile,
        "profile_pending": list(data.differences(report.changing)),
        "drift": list(
            data.with_fixes(report.drift, *sides, schema)
            if with_sql
            else data.differences(report.drift)
        ),
        "unmanaged": list(data.differences(report.unmanaged)),
        "extensions": list(data.extensions(report.extensions)),
        "ignored": report.ignored,
        "built_on": report.built_on or None,
    }
