"""What a monitor is told of a table's partitions: findings, and the formats that monitors read."""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lmsschema.partition_manager.listing import COUNTED, Health

if TYPE_CHECKING:
    from collections.abc import Callable

Severity: TypeAlias = Literal["warning", "critical"]

NAGIOS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""Nagios' exit codes (its plugin guidelines)."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that a person should look at, and the command that helps."""

    severity: Severity
    message: str
    remedy: str


def findings(health: Health, *, warn: float, critical: float) -> list[Finding]:
    """Return what is not well with a table's partitions.

    Args:
        health: What was read.
        warn: Days of runway below which to warn.
        critical: Days of runway below which it is critical.
    """
    found = []
    runway = health.runway
    fate = "fall into the default" if health.default else "are refused"
    if runway is not None and runway < max(warn, critical):
        severity: Severity = "critical" if runway < critical else "warning"
        message = (
            f"rows {fate} in {runway:.1f} days" if runway > 0 else f"rows of now {fate} already"
        )
        found.append(Finding(severity, message, "lmsschema partitions ensure"))
    for hole in health.holes:
        lower = hole.lower.strftime("%Y-%m-%d %H:%M") if hole.lower else "MINVALUE"
        upper = hole.upper.strftime("%Y-%m-%d %H:%M") if hole.upper else "MAXVALUE"
        found.append(
            Finding("warning", f"hole from {lower} to {upper} UTC", "lmsschema partitions ensure")
        )
    if health.default_rows:
        rows = f"{health.default_rows}{'+' if health.default_rows >= COUNTED else ''}"
        found.append(
            Finding("warning", f"{rows} rows in {health.default}", "lmsschema partitions heal")
        )
    found += [
        Finding(
            "critical",
            f"{name} is detach pending: its rows are hidden",
            "lmsschema partitions ensure",
        )
        for name in health.detach_pending
    ]
    if health.default_detached:
        refused = "" if health.default else ", and rows that have no partition are refused"
        message = f"{health.default_detached} is detached: its rows are hidden{refused}"
        remedy = f"lmsschema partitions restore {health.default_detached}"
        found.append(Finding("critical", message, remedy))
    if health.default_missing:
        message = "there is no default partition: rows that have no partition are refused"
        found.append(Finding("critical", message, "lmsschema partitions ensure"))
    if health.move_interrupted:
        message = f"a move of rows out of {health.default} was interrupted: each change is noted"
        found.append(Finding("warning", message, "lmsschema partitions heal"))
    return found


def severity(found: list[Finding]) -> Literal["ok", "warning", "critical"]:
    """Return the worst of the findings."""
    if any(one.severity == "critical" for one in found):
        return "critical"
    return "warning" if found else "ok"


def as_text(health: Health, found: list[Finding]) -> str:
    """Return a report for people."""
    lines = [
        f"{health.table}: {severity(found)}; {_runway(health)}; default rows: {health.default_rows}"
    ]
    lines += [f"  {one.severity}: {one.message} ({one.remedy})" for one in found]
    return "\n".join(lines)


def as_data(health: Health, found: list[Finding]) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "table": health.table,
        "status": severity(found),
        "runway_days": None if health.runway is None else round(health.runway, 3),
        "takes_rows_until": health.until,
        "default": health.default,
        "default_rows": health.default_rows,
        "holes": [{"from": hole.lower, "to": hole.upper} for hole in health.holes],
        "detach_pending": list(health.detach_pending),
        "move_interrupted": health.move_interrupted,
        "move_cut_short": health.move_interrupted,  # its old name
        "default_detached": health.default_detached,
        "default_missing": health.default_missing,
        "findings": [dataclasses.asdict(one) for one in found],
    }


def as_nagios(health: Health, found: list[Finding], *, warn: float, critical: float) -> str:
    """Return one line as a Nagios plugin prints it, with performance data."""
    said = "; ".join(one.message for one in found) or _runway(health)
    runway = "U" if health.runway is None else f"{health.runway:.2f}"
    return (
        f"PARTITIONS {severity(found).upper()} - {health.table}: {said} "
        f"| runway_days={runway};{warn:g}:;{critical:g}: default_rows={health.default_rows};0 "
        f"holes={len(health.holes)};0"
    )


def as_prometheus(reports: list[Health]) -> str:
    """Return metrics in Prometheus' text format, as its textfile collector reads them."""
    metrics: list[tuple[str, str, Callable[[Health], str]]] = [
        (
            "lmsschema_partitions_runway_seconds",
            "Seconds until rows fall into the default partition or are refused.",
            lambda h: "+Inf" if h.runway is None else f"{h.runway * 86400:.0f}",
        ),
        (
            "lmsschema_partitions_default_rows",
            "Rows in the default partition.",
            lambda h: str(h.default_rows),
        ),
        (
            "lmsschema_partitions_holes",
            "Holes between now and the last partition.",
            lambda h: str(len(h.holes)),
        ),
        (
            "lmsschema_partitions_detach_pending",
            "Partitions whose detach was interrupted.",
            lambda h: str(len(h.detach_pending)),
        ),
        (
            "lmsschema_partitions_move_cut_short",
            "Whether a move of the default's rows was interrupted.",
            lambda h: str(int(h.move_interrupted)),
        ),
        (
            "lmsschema_partitions_default_lost",
            "Whether the default partition is detached or missing.",
            lambda h: str(int(h.default_detached is not None or h.default_missing)),
        ),
        (
            "lmsschema_partitions_checked_timestamp_seconds",
            "When this was measured, by the database's clock.",
            lambda h: f"{h.now.timestamp():.0f}",
        ),
    ]
    lines = []
    for name, text, value in metrics:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines += [
            f'{name}{{schema="{_label(h.schema)}",table="{_label(h.table)}"}} {value(h)}'
            for h in reports
        ]
    return "\n".join(lines)


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _runway(health: Health) -> str:
    if health.runway is None:
        return "partitions without end"
    return f"partitions for {health.runway:.1f} days"
