"""docs/tutorial.md: its commands, in order, print what it shows."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.program import Program, clean_environment

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")


@pytest.fixture
def folder(lmsschema: Program) -> Iterator[Path]:
    """A folder with the program in ``bin``, that the account of an embedded server can enter."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-tutorial-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        pages.install(folder)
        yield folder
        lmsschema("local", "destroy", "--yes", env={"LMSSCHEMA_HOME": str(folder / "home")})


def test_the_commands_of_the_tutorial_print_what_it_shows(folder: Path) -> None:
    environment = clean_environment(
        LMSSCHEMA_HOME=str(folder / "home"), PATH=f"{folder / 'bin'}:/usr/bin:/bin"
    )
    pages.run(PAGE, folder, environment)
