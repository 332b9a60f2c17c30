"""Fixtures of the tests of this room."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plugin_runs import Finished, Suite, start


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a suite and its servers, which their account can enter."""
    with tempfile.TemporaryDirectory(prefix="lms-suite-") as name:
        made = Path(name)
        made.chmod(0o755)
        (made / "seen").mkdir()
        yield made


@pytest.fixture
def suite(folder: Path) -> Suite:
    """Runs a suite and waits for its end: ``suite(text, *options, ini="", **variables)``."""

    def run(text: str, *options: str, ini: str = "", **variables: str) -> Finished:
        process = start(folder, text, *options, ini=ini, **variables)
        out, err = process.communicate(timeout=300)
        return Finished(process.args, process.returncode, out, err)

    return run
