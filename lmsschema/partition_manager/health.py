"""What a monitor is told of a table's partitions: findings, and the formats that monitors read."""

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from psycopg import sql

from lmsschema.partition_manager.default_rows import COUNTED
from lmsschema.partition_manager.heal_plan import FAR
from lmsschema.partition_manager.listing import Health
from lmsschema.partition_manager.statements import delete_rows
from lmsschema.partitions import POLICIES, Policy, Range

if TYPE_CHECKING:
    from collections.abc import Callable

Severity: TypeAlias = Literal["warning", "critical"]

NAGIOS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""Nagios' exit codes (its plugin guidelines)."""


@dataclasses.dataclass(frozen=True)
class Alarm:
    """Something that a person should look at, and the command that helps."""

    severity: Severity
    message: str
    remedy: str


def limits(policy: Policy) -> tuple[float, float]:
    """Return the days of runway below which to warn, and below which it is critical.

    They are less than a run of ``ensure`` leaves, however short the intervals are.
    """
    ahead = policy.ahead * {"month": 30, "week": 7, "day": 1}[policy.interval]
    return min(45.0, ahead / 2), min(14.0, ahead / 6)


def findings(health: Health, *, warn: float, critical: float) -> list[Alarm]:
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
        found.append(Alarm(severity, message, "lmsschema partitions ensure"))
    found += [Alarm("warning", *one) for hole in health.holes for one in _hole(health, hole)]
    found += [Alarm("warning", *one) for one in _rows(health)]
    found += [
        Alarm(
            "critical",
            f"{name} is detach pending: its rows are hidden",
            "lmsschema partitions ensure",
        )
        for name in health.detach_pending
    ]
    if health.default_detached:
        refused = "" if health.default else ", and rows that have no partition are refused"
        message = f"{health.default_detached} is detached: its rows are hidden{refused}"
        remedy = f"lmsschema partitions restore {health.default_detached}{_table(health)}"
        found.append(Alarm("critical", message, remedy))
    if health.default_missing:
        message = "there is no default partition: rows that have no partition are refused"
        found.append(Alarm("critical", message, "lmsschema partitions ensure"))
    if health.move_interrupted:
        message = f"a move of rows out of {health.default} was interrupted: each change is noted"
        found.append(Alarm("warning", message, "lmsschema partitions heal"))
    return found


def _hole(health: Health, hole: Range) -> list[tuple[str, str]]:
    """Say what is missing, and what makes it: beyond the intervals ahead ``ensure`` does not."""
    end, upper = health.window, hole.upper
    found = []
    if hole.lower is None or hole.lower < end:
        until = end if upper is None or upper > end else upper
        found.append((_between(hole.lower, until), "lmsschema partitions ensure"))
    if upper is not None and upper > end:
        lower = max(hole.lower or end, end)
        if upper - lower <= FAR:
            last = upper - timedelta(microseconds=1)
            remedy = f"lmsschema partitions create --from {lower:%Y-%m-%d} --to {last:%Y-%m-%d}"
            found.append((_between(lower, upper), remedy + _table(health)))
        else:
            name = health.starts.get(upper, "")
            message = (
                f"partition {name} is far off: {_between(lower, upper)} before it; its rows, if "
                "it has any, are hidden once it is detached"
            )
            detach = sql.SQL("ALTER TABLE {} DETACH PARTITION {};").format(
                sql.Identifier(health.schema, health.table), sql.Identifier(health.schema, name)
            )
            found.append((message, detach.as_string()))
    return found


def _between(lower: datetime | None, upper: datetime | None) -> str:
    begin = lower.strftime("%Y-%m-%d %H:%M") if lower else "MINVALUE"
    end = upper.strftime("%Y-%m-%d %H:%M") if upper else "MAXVALUE"
    return f"hole from {begin} to {end} UTC"


def _table(health: Health) -> str:
    """Return the option that names a table which is not the first one."""
    return "" if health.table == POLICIES[0].table else f" --table {health.table}"


def _rows(health: Health) -> list[tuple[str, str]]:
    """Say which rows the default holds, and what ends each kind."""
    rows, heal = health.rows, "lmsschema partitions heal"
    more = "+" if rows.rows >= COUNTED else ""
    found = []
    if rows.near:
        found.append((f"{rows.near}{more} rows in {health.default}", heal))
    found += [
        (
            f"{count}{more} rows in {health.default} belong to {name}, which was detached",
            f"lmsschema partitions restore {name}{_table(health)}",
        )
        for name, count in rows.detached
    ]
    if rows.older:
        message = f"{rows.older}{more} rows in {health.default} are more than ten years old"
        found.append((message, f"{heal} --reach {rows.reach}y"))
    if rows.later:
        message = f"{rows.later}{more} rows in {health.default} are after the months ahead"
        found.append((message, f"{heal} --ahead {rows.ahead}"))
    if rows.far:
        message = (
            f"{rows.far}{more} rows in {health.default} are far off, years ahead or at no time: "
            "correct or delete them"
        )
        far = rows.far_condition
        found.append((message, delete_rows(health.schema, str(health.default), far, health.guard)))
    return found


def severity(found: list[Alarm]) -> Literal["ok", "warning", "critical"]:
    """Return the worst of the findings."""
    if any(one.severity == "critical" for one in found):
        return "critical"
    return "warning" if found else "ok"


def as_text(health: Health, found: list[Alarm]) -> str:
    """Return a report for people."""
    lines = [
        f"{health.table}: {severity(found)}; {_runway(health)}; default rows: {health.default_rows}"
    ]
    lines += [f"  {one.severity}: {one.message} ({one.remedy})" for one in found]
    return "\n".join(lines)


def as_data(health: Health, found: list[Alarm]) -> dict[str, Any]:
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


def as_nagios(health: Health, found: list[Alarm], *, warn: float, critical: float) -> str:
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
