"""docs/tutorial.md: its commands, in order, print what it shows."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import Program, clean_environment

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")

#: A block of commands, with the block of output after it if there is one.
BLOCKS = re.findall(
    r"^```bash\n(.*?)^```$(?:(?:(?!^```).)*?^```text\n(.*?)^```$)?", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.fixture
def folder(lmsschema: Program) -> Iterator[Path]:
    """A folder with the program in ``bin``, that the account of an embedded server can enter."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-tutorial-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program = folder / "bin" / "lmsschema"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lmsschema "$@"\n')
        program.chmod(0o755)
        yield folder
        lmsschema("local", "destroy", "--yes", env={"LMSSCHEMA_HOME": str(folder / "home")})


def test_the_commands_of_the_tutorial_print_what_it_shows(folder: Path) -> None:
    assert len(BLOCKS) == len(re.findall("^```bash$", PAGE, re.MULTILINE))
    assert sum(bool(shown) for _, shown in BLOCKS) == len(
        re.findall("^```text$", PAGE, re.MULTILINE)
    )
    environment = clean_environment(
        LMSSCHEMA_HOME=str(folder / "home"), PATH=f"{folder / 'bin'}:/usr/bin:/bin"
    )
    for commands, shown in BLOCKS:
        done = subprocess.run(
            ["bash", "-ec", commands],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        for line in shown.splitlines():
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(f"^{pattern}$", done.stdout, re.MULTILINE), f"{line}\n{done.stdout}"
