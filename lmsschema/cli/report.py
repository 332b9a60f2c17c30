"""``lmsschema report``."""

import csv
import datetime as dt
import io
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from lmsschema import reports
from lmsschema.cli import _common
from lmsschema.errors import UsageError

if TYPE_CHECKING:
    from lmsschema.database.report import Rows


@click.command(
    epilog="Example: lmsschema report gradebook --course 6f1c… --format csv --url service=lms"
)
@click.argument("name", required=False)
@click.option("--institution", metavar="ID", help="Only this institution: its id or domain.")
@click.option("--course", metavar="ID", help="Only this course.")
@click.option("--assessment", metavar="ID", help="Only this assessment.")
@click.option("--user", metavar="ID", help="Only this learner or instructor.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    metavar="FORMAT",
    help="table, csv, or json as with --json [table].",
)
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="At most so many rows [all]."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="Give up after this time [60].",
)
@_common.database_options
def command(
    name: str | None,
    *,
    layout: str,
    limit: int | None,
    timeout: float,
    url: str | None,
    schema: str | None,
    as_json: bool,
    **options: str | None,
) -> int:
    """Print a report, or without NAME list the reports with their cost.

    A report shows what the database role may read. It changes nothing.
    """
    as_json = as_json or layout == "json"
    if name is None:
        _list(as_csv=layout == "csv", as_json=as_json)
        return 0
    report = _named(name)
    chosen = {option: value for option, value in options.items() if value is not None}
    for option in chosen:
        if option not in report.filters:
            takes = ", ".join(f"--{one}" for one in report.filters)
            raise UsageError(f"the report {name} has no --{option}", hint=f"It takes {takes}.")
    from lmsschema.database.report import read

    with _common.open_database(url, schema) as database:
        rows = read(database, report, chosen, limit=limit, timeout=timeout)
    data = {
        "report": name,
        "columns": list(rows.columns),
        "rows": [dict(zip(rows.columns, map(_plain, row), strict=True)) for row in rows.values],
    }
    _common.result(_csv(rows) if layout == "csv" else _table(rows), data, as_json=as_json)
    return 0


def _named(name: str) -> reports.Report:
    """Return the report of a name, as its view is called or with hyphens."""
    report = reports.REPORTS.get(name.removeprefix(reports.PREFIX).replace("_", "-"))
    if report is None:
        raise UsageError(
            f"there is no report {name}", hint="lmsschema report lists them all with their cost."
        )
    return report


def _list(*, as_csv: bool, as_json: bool) -> None:
    """Print which reports there are."""
    from lmsschema.database.report import Rows

    rows = Rows(
        ("report", "answers", "options", "ms"),
        [
            (one.name, one.question, " ".join(f"--{f}" for f in one.filters), one.cost)
            for one in reports.REPORTS.values()
        ],
    )
    data = {
        "reports": [
            {
                "name": one.name,
                "question": one.question,
                "options": list(one.filters),
                "index": one.index,
                "cost_ms": one.cost,
            }
            for one in reports.REPORTS.values()
        ]
    }
    _common.result(_csv(rows) if as_csv else _table(rows), data, as_json=as_json)


def _csv(rows: "Rows") -> str:
    """Return the rows as CSV (RFC 4180 but for the line ends); NULL is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows([_text(value) for value in row] for row in rows.values)
    return text.getvalue().removesuffix("\n")


def _table(rows: "Rows") -> str:
    """Return the rows as a table, without columns that are empty in all of them."""
    from lmsschema.cli import _layout

    if not rows.values:
        return "no rows"
    cells = [[_printable(_text(value)) for value in row] for row in rows.values]
    numbers = [
        place
        for place in range(len(rows.columns))
        if any(isinstance(row[place], (int, float, Decimal)) for row in rows.values)
    ]
    return "\n".join(_layout.table(rows.columns, cells, numbers))


def _text(value: object) -> str:
    """Return a value as a cell has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def _printable(text: str) -> str:
    """Return a text without line ends and what else would break a line of a table."""
    return "".join(one if one.isprintable() else " " for one in text)


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a column holds
    """Return a value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    return (
        str(value)
        if isinstance(value, (uuid.UUID, dt.date)) and not isinstance(value, dt.datetime)
        else value
    )
