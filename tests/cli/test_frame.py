"""What every command has: options before it, short forms, suggestions, completion, JSON's head."""

import json
import os
import subprocess
import sys

import pytest

import lmsschema as package
from lmsschema import cli
from tests.support.program import Program, clean_environment


def test_options_of_every_command_may_stand_before_it(
    lmsschema: Program, database_url: str
) -> None:
    made = lmsschema("--url", database_url, "--schema=Campus", "--json", "upgrade", "0003")
    assert made.code == 0, made.err
    assert made.json["schema"] == "Campus"
    for before in (("--url", database_url, "partitions"), ("partitions", "--url", database_url)):
        listed = lmsschema(*before, "list", "--schema", "Campus", "--json")
        assert listed.code == 0, listed.err
    behind = lmsschema("--json", "current", "--url", database_url, "--schema", "Campus")
    assert behind.json["revision"] == "0003_analytics"


def test_an_option_that_the_command_has_not_is_refused_wherever_it_stands(
    lmsschema: Program,
) -> None:
    assert lmsschema("--url", "service=x", "history").code == 2
    assert lmsschema("--url", "service=x").code == 2


def test_short_forms(lmsschema: Program) -> None:
    assert lmsschema("-h").out == cli.help_text() + "\n"
    assert lmsschema("upgrade", "-h").out == lmsschema("upgrade", "--help").out
    assert lmsschema("-V").out == lmsschema("--version").out


@pytest.mark.parametrize(
    ("given", "meant"), [(["upgrad"], "upgrade"), (["partitions", "prun"], "prune")]
)
def test_a_misspelt_command_is_answered_with_one_like_it(
    lmsschema: Program, given: list[str], meant: str
) -> None:
    refused = lmsschema(*given)
    assert refused.code == 2
    assert f"Did you mean '{meant}'?" in refused.err


def completed(words: str, at: int) -> list[str]:
    """Return what bash is offered."""
    env = {"_LMSSCHEMA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    done = subprocess.run(
        [sys.executable, "-m", "lmsschema"],
        env=clean_environment(**env),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_completion(lmsschema: Program) -> None:
    script = lmsschema(env={"_LMSSCHEMA_COMPLETE": "bash_source"})
    assert script.code == 0
    assert "complete -o nosort -F _lmsschema_completion lmsschema" in script.out
    assert completed("lmsschema up", 1) == ["upgrade"]
    assert completed("lmsschema --url x partitions pr", 4) == ["prune"]
    assert "--lock-timeout" in completed("lmsschema upgrade --lock-t", 2)


def test_what_follows_two_dashes_is_psql_s(lmsschema: Program) -> None:
    missing = {"LMSSCHEMA_HOME": os.devnull}  # no server can be there
    refused = lmsschema("local", "psql", "--", "--json", "--debug", env=missing)
    assert refused.code != 0
    assert refused.out == ""
    asked = lmsschema("local", "psql", "--json", "--", "--debug", env=missing)
    assert json.loads(asked.out)["error"]["exit_code"] == asked.code


def test_every_json_object_says_of_what_it_is(lmsschema: Program, upgraded_url: str) -> None:
    name = upgraded_url.partition("?")[0].rpartition("/")[2]
    of_a_database = (
        "upgrade", "plan", "current", "stamp head", "adopt", "check", "doctor",
        "partitions ensure", "partitions ensure --dry-run", "partitions list", "partitions check",
        "partitions heal", "partitions prune --keep 9y", "partitions prune --keep 9y --dry-run",
        "partitions create --from 2020-01 --to 2020-01",
        "partitions create --from 2020-01 --to 2020-01 --dry-run",
        "partitions restore users", "upgrade nonsense", "downgrade base",
    )  # fmt: skip
    for command in of_a_database:
        found = lmsschema(*command.split(), "--url", upgraded_url, "--json").json
        head = [found["version"], found["database"], found["schema"]]
        assert head == [package.__version__, name, "public"], command
    for command in ("history", "ddl", "lint --nonsense", "local status", "nonsense"):
        found = lmsschema(*command.split(), "--json").json
        head = [found["version"], found["database"], found["schema"]]
        assert head == [package.__version__, None, None], command
