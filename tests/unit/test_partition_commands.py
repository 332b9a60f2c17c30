"""What the commands of ``lmsschema partitions`` share, without a server."""

from typing import Any

import click
import pytest

from lmsschema.cli.partitions import _common
from lmsschema.database.configuration import Configuration
from lmsschema.partitions import LEARNING_EVENTS, Policy


def test_a_policy_is_found_by_its_table() -> None:
    given: dict[str, Any] = {"key": "day", "interval": "day", "retention": "90d"}
    site = Configuration("lmsschema.toml", tables={"audit_entries": given})
    with click.Context(click.Command("ensure"), obj=site):
        found: list[Policy] = [
            _common.policy(table) for table in (None, "learning_events", "audit_entries")
        ]
        assert found == [LEARNING_EVENTS, LEARNING_EVENTS, Policy("audit_entries", **given)]
        with pytest.raises(click.UsageError, match="learning_events, grade_changes, audit_entries"):
            _common.policy("users")
