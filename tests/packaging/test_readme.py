"""The README's quick start: its two commands, word for word, in a clean clone."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, create, run

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(elsewhere: Path) -> Iterator[dict[str, str]]:
    """The variable that moves the embedded server into a folder of this test."""
    variables = {"LMSSCHEMA_HOME": str(elsewhere / "readme-home")}
    yield variables
    run(sys.executable, "-m", "lmsschema", "local", "destroy", "--yes", cwd=ROOT, **variables)


@pytest.fixture
def clone(elsewhere: Path) -> Iterator[Path]:
    """A clean clone of what is committed."""
    folder = elsewhere / "clone"
    run("git", "clone", "-q", ROOT, folder, cwd=elsewhere)
    yield folder
    shutil.rmtree(folder)


def quick_start(folder: Path) -> list[str]:
    """Return the commands under the README's heading "Quick start"."""
    text = (folder / "README.md").read_text("utf-8")
    section = text.partition("\n## Quick start\n")[2].partition("\n## ")[0]
    return [str(command) for command in _BLOCK.findall(section)]


def test_the_two_commands_of_the_quick_start_work_in_a_clean_clone(
    clone: Path, elsewhere: Path, home: dict[str, str]
) -> None:
    first, second = quick_start(clone)[:2]
    path = f"{create(elsewhere / 'readme-venv')}{os.pathsep}{os.environ['PATH']}"
    run("bash", "-ec", first, cwd=clone, PATH=path, **home)
    # the suites run all of it: here the way there is proved, and a few tests
    out = run("bash", "-ec", second, cwd=clone, PATH=path, PYTEST_ADDOPTS="-m smoke", **home)
    assert re.search(r"\b\d+ passed\b", out)
    assert not re.search(r"\b\d+ (failed|errors?)\b", out)
