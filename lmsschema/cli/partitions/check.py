"""``lmsschema partitions check``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common
from lmsschema.cli.partitions import _common as _partitions
from lmsschema.errors import LmsschemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmsschema.partition_manager.health import Alarm
    from lmsschema.partition_manager.listing import Health

FINDINGS = 3


@click.command(epilog="Example: lmsschema partitions check --format nagios --warn 30 --critical 7")
@click.option(
    "--warn",
    type=click.FloatRange(min=0),
    default=45.0,
    show_default=True,
    metavar="DAYS",
    help="Runway below which to warn.",
)
@click.option(
    "--critical",
    type=click.FloatRange(min=0),
    default=14.0,
    show_default=True,
    metavar="DAYS",
    help="Runway below which it is critical.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "nagios", "prometheus"]),
    default="text",
    show_default=True,
    help="Form of the report.",
)
@_common.database_options
def command(
    warn: float, critical: float, form: str, url: str | None, schema: str | None, *, as_json: bool
) -> int:
    """For monitoring: days until rows fall into the default, its rows, holes ahead.

    Exits 3 if anything is not well; with --format nagios as Nagios has it (0 OK, 1 warning, 2
    critical, 3 unknown). A role that may read is enough.
    """
    if critical > warn:
        raise click.UsageError("--critical must not be more than --warn")
    form = "json" if as_json else form
    try:
        reports = _read(url, schema)
    except LmsschemaError as error:
        if form != "nagios":
            raise
        _common.result(f"PARTITIONS UNKNOWN - {error.message}", {}, as_json=False)
        return 3
    return _report(reports, form, warn, critical)


def _read(url: str | None, schema: str | None) -> "list[Health]":
    from lmsschema.database.connection import require_usage
    from lmsschema.partition_manager import listing

    with _common.open_database(url, schema) as database:
        require_usage(database)
        return [listing.health(database, policy) for policy in _partitions.policies()]


def _report(reports: "list[Health]", form: str, warn: float, critical: float) -> int:
    from lmsschema.partition_manager import health as partition_health

    found: list[list[Alarm]] = [
        partition_health.findings(health, warn=warn, critical=critical) for health in reports
    ]
    pairs = list(zip(reports, found, strict=True))
    worst = partition_health.severity([one for some in found for one in some])
    data: dict[str, Any] = {
        "status": worst,
        "tables": [partition_health.as_data(health, some) for health, some in pairs],
    }
    texts: dict[str, Callable[[], str]] = {
        "text": lambda: "\n".join(partition_health.as_text(*pair) for pair in pairs),
        "json": lambda: "",
        "nagios": lambda: "\n".join(
            partition_health.as_nagios(*pair, warn=warn, critical=critical) for pair in pairs
        ),
        "prometheus": lambda: partition_health.as_prometheus(reports),
    }
    _common.result(texts[form](), data, as_json=form == "json")
    if form == "nagios":
        return partition_health.NAGIOS[worst]
    return FINDINGS if worst != "ok" else 0
