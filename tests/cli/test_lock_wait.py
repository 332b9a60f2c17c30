"""``--wait`` waits for another run, ``--lock-wait`` for the locks of a step."""

import psycopg
import pytest

from tests.support.program import Program


@pytest.mark.parametrize("name", ["--lock-wait", "--wait"])
def test_the_locks_of_a_step_are_waited_for_as_long_as_said(
    lmsschema: Program, upgraded_url: str, name: str
) -> None:
    with psycopg.connect(upgraded_url) as writer:
        writer.execute("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        url = ("--url", upgraded_url, "--json")
        outcome = lmsschema("partitions", "ensure", "--ahead", "5", name, "0.5", *url)
    assert outcome.code == 5
    assert " in 0.5 s" in outcome.json["error"]["message"]
    assert outcome.err.count("warning: --wait is deprecated here") == (name == "--wait")


@pytest.mark.parametrize("command", ["ensure", "create", "heal", "prune", "restore"])
def test_the_help_names_the_option_of_today(lmsschema: Program, command: str) -> None:
    shown = lmsschema("partitions", command, "--help").out
    assert "--lock-wait" in shown
    assert " --wait" not in shown


def test_a_run_is_still_waited_for_with_wait(lmsschema: Program, upgraded_url: str) -> None:
    outcome = lmsschema("upgrade", "--wait", "1", "--url", upgraded_url)
    assert outcome.code == 0
    assert "warning" not in outcome.err
