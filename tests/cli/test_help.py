"""Help texts: every command has one with an example, and it fits one screen."""

import importlib
import subprocess
import sys

import click
import pytest

from lmsschema import cli
from lmsschema.cli._group import LazyGroup, program
from tests.support.program import Program

LINES, COLUMNS = 24, 80


def commands(group: LazyGroup, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all commands of a group, those of its groups too."""
    found: list[tuple[str, ...]] = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found.append((*path, name))
            if isinstance(command, LazyGroup):
                found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(program), ids=" ".join)
def test_every_command_has_help_with_an_example_on_one_screen(
    lmsschema: Program, path: tuple[str, ...]
) -> None:
    outcome = lmsschema(*path, "--help", env={"COLUMNS": str(COLUMNS)})
    assert outcome.code == 0
    assert f"lmsschema {path[0]}" in outcome.out.partition("Example")[2]
    lines = outcome.out.splitlines()
    assert len(lines) <= LINES, "\n".join(lines)
    assert max(map(len, lines)) <= COLUMNS


def test_the_program_s_help_is_one_text(lmsschema: Program) -> None:
    shown = lmsschema("--help")
    assert shown.code == 0
    assert shown.out == cli.help_text() + "\n"
    with click.Context(program, info_name="lmsschema") as context:
        assert program.get_help(context) == cli.help_text()
    assert len(shown.out.splitlines()) <= LINES + 10
    assert max(map(len, shown.out.splitlines())) <= COLUMNS
    assert lmsschema().code == 2


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_table_of_commands_is_what_there_is(name: str) -> None:
    module = importlib.import_module(f"lmsschema.cli.{name}")
    assert isinstance(module.command, click.Command)


def test_the_program_s_help_imports_nothing() -> None:
    check = (
        "import sys; from lmsschema.__main__ import main; main(['--help']);"
        "sys.exit(repr({'click', 'psycopg', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "set()"


def test_version(lmsschema: Program) -> None:
    import lmsschema as package

    assert lmsschema("--version").out == f"lmsschema {package.__version__}\n"
