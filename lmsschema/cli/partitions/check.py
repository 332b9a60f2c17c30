"""``lmsschema partitions check``."""

from typing import TYPE_CHECKING, Any

import click

from lmsschema.cli import _common
from lmsschema.errors import LmsschemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmsschema.partition_manager.health import Alarm
    from lmsschema.partition_manager.listing import Health
    from lmsschema.partitions import Policy

FINDINGS = 3


@click.command(epilog="Example: lmsschema partitions check --format nagios --warn 30 --critical 7")
@click.option(
    "--warn",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Runway below which to warn [45, at most half of what is made ahead].",
)
@click.option(
    "--critical",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Runway below which it is critical [14, at most a sixth].",
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
    warn: float | None,
    critical: float | None,
    form: str,
    url: str | None,
    schema: str | None,
    *,
    as_json: bool,
) -> int:
    """For monitoring: days until rows fall into the default, its rows, holes ahead.

    Exits 3 if anything is not well; with --format nagios as Nagios has it (0 OK, 1 warning, 2
    critical, 3 unknown). A role that may read is enough.
    """
    limits = {policy.table: _limits(policy, warn, critical) for policy in _common.policies()}
    form = "json" if as_json else form
    try:
        reports = _read(url, schema)
    except LmsschemaError as error:
        if form != "nagios":
            raise
        _common.result(f"PARTITIONS UNKNOWN - {error.message}", {}, as_json=False)
        return 3
    return _report(reports, form, [limits[health.table] for health in reports])


def _limits(policy: "Policy", warn: float | None, critical: float | None) -> tuple[float, float]:
    """Return the limits of a table: those of the options, else its own."""
    from lmsschema.partition_manager import health

    own_warn, own_critical = health.limits(policy)
    if warn is None:
        warn = max(own_warn, critical or 0)
    if critical is None:
        critical = min(own_critical, warn)
    if critical > warn:
        raise click.UsageError("--critical must not be more than --warn")
    return warn, critical


def _read(url: str | None, schema: str | None) -> "list[Health]":
    from lmsschema.database.connection import require_usage
    from lmsschema.partition_manager import listing, state

    with _common.open_database(url, schema) as database:
        require_usage(database)
        policies = state.present(database, _common.policies())
        return [listing.health(database, policy) for policy in policies]


def _report(reports: "list[Health]", form: str, limits: list[tuple[float, float]]) -> int:
    from lmsschema.partition_manager import health as partition_health

    found: list[list[Alarm]] = [
        partition_health.findings(health, warn=warn, critical=critical)
        for health, (warn, critical) in zip(reports, limits, strict=True)
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
            partition_health.as_nagios(*pair, warn=warn, critical=critical)
            for pair, (warn, critical) in zip(pairs, limits, strict=True)
        ),
        "prometheus": lambda: partition_health.as_prometheus(reports),
    }
    _common.result(texts[form](), data, as_json=form == "json")
    if form == "nagios":
        return partition_health.NAGIOS[worst]
    return FINDINGS if worst != "ok" else 0
