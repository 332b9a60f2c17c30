"""What the commands of ``lmsschema partitions`` share, without a server."""

from dataclasses import replace

import click
import pytest

from lmsschema import partitions
from lmsschema.cli.partitions import _common
from lmsschema.partitions import LEARNING_EVENTS, Policy


def test_a_policy_is_found_by_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(LEARNING_EVENTS, table="audit_entries", interval="day", retention="90d")
    monkeypatch.setattr(partitions, "POLICIES", (LEARNING_EVENTS, other))
    found: list[Policy] = [
        _common.policy(table) for table in (None, "learning_events", "audit_entries")
    ]
    assert found == [LEARNING_EVENTS, LEARNING_EVENTS, other]
    with pytest.raises(click.UsageError, match="learning_events, audit_entries"):
        _common.policy("users")
