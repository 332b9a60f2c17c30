"""docs/reference.md names every command and environment variable that there is."""

import inspect
import re
from pathlib import Path

import click
import pytest

from lmsschema import api
from lmsschema.cli._group import program

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
SOURCES = [
    *(ROOT / "lmsschema").rglob("*.py"),
    *(ROOT / "migrations").rglob("*.py"),
    *(ROOT / "tests").rglob("*.py"),
]


def section(heading: str) -> str:
    """Return what stands under a heading of the page."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def commands(group: click.Group, path: str = "") -> list[str]:
    """Return the names of all commands that are no groups."""
    found: list[str] = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            whole = f"{path} {name}".strip()
            found += commands(command, whole) if isinstance(command, click.Group) else [whole]
    return found


def test_every_command_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \|(.*)\|$", section("Commands"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(commands(program))
    assert {len(row.split(" | ")) for _, row in rows} == {4}


@pytest.mark.parametrize("command", commands(program))
def test_every_command_has_the_shape_of_its_json(command: str) -> None:
    assert f"\n### `{command}`\n" in section("`--json`")


def test_every_function_of_the_api_has_a_row_with_its_arguments() -> None:
    rows = re.findall(r"^\| `(\w+)\(([^)]*)\)` \|", section("Public Python API"), re.MULTILINE)
    documented = {name: arguments.replace("=", "").split(", ") for name, arguments in rows}
    functions = {
        name: list(inspect.signature(value).parameters)
        for name, value in vars(api).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert documented == functions


def test_every_variable_that_the_source_names_is_in_the_table() -> None:
    named = {
        name
        for file in SOURCES
        for name in re.findall(r"\bLMSSCHEMA_[A-Z_]*[A-Z]\b", file.read_text("utf-8"))
    }
    named |= {
        name
        for file in (ROOT / "lmsschema").rglob("*.py")
        for name in re.findall(r'"(PG[A-Z]+|XDG_[A-Z_]+|NO_COLOR|DATABASE_URL)"', file.read_text())
    }
    rows = re.findall(r"^\| ([^|]*) \|", section("Environment variables"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 10
    assert named - documented - {"PGDATA"} == set()  # PGDATA is set for a container, never read
    assert {name for name in documented if name.startswith("LMSSCHEMA_")} <= named
