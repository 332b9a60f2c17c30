"""What a monitor is told: which findings, how severe, in which form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lmsschema.partition_manager import health as partition_health
from lmsschema.partition_manager.default_rows import COUNTED, DefaultRows
from lmsschema.partition_manager.listing import Health
from lmsschema.partitions import Range

NOW = datetime(2026, 11, 22, tzinfo=UTC)

WELL = Health(
    table="learning_events",
    schema='Campus "North"',
    now=NOW,
    until=NOW + timedelta(days=98),
    default="learning_events_default",
    rows=DefaultRows(),
    holes=(),
    detach_pending=(),
)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (45.001, "ok"),
        (44.999, "warning"),
        (14.001, "warning"),
        (13.999, "critical"),
        (0, "critical"),
    ],
)
def test_the_runway(days: float, severity: str) -> None:
    health = replace(WELL, until=NOW + timedelta(days=days))
    found = partition_health.findings(health, warn=45, critical=14)
    assert partition_health.severity(found) == severity


def test_without_end_there_is_nothing_to_find() -> None:
    health = replace(WELL, until=None)
    assert partition_health.findings(health, warn=45, critical=14) == []
    assert 'table="learning_events"} +Inf' in partition_health.as_prometheus([health])


def test_each_thing_that_is_not_well_is_a_finding() -> None:
    hole = Range(NOW, NOW + timedelta(days=1))
    rows = DefaultRows(COUNTED, near=COUNTED)
    health = replace(WELL, holes=(hole,), rows=rows, detach_pending=("x",))
    found = partition_health.findings(health, warn=45, critical=14)
    assert [one.severity for one in found] == ["warning", "warning", "critical"]
    assert "1000000+ rows in learning_events_default" in found[1].message
    line = partition_health.as_nagios(health, found, warn=45, critical=14)
    assert line.startswith("PARTITIONS CRITICAL - learning_events: hole from 2026-11-22 00:00")
    assert line.endswith("| runway_days=98.00;45:;14: default_rows=1000000;0 holes=1;0")


def test_labels_are_escaped() -> None:
    text = partition_health.as_prometheus([WELL])
    assert (
        r'lmsschema_partitions_default_rows{schema="Campus \"North\"",table="learning_events"} 0'
        in text
    )
