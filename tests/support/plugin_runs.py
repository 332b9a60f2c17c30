"""What test_pytest_plugin and test_plugin_fixtures share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.program import clean_environment

Finished = subprocess.CompletedProcess[str]


Suite = Callable[..., Finished]


PASSES = "def test_passes(lms_database_url): pass"


def start(
    folder: Path, text: str, *options: str, ini: str = "", **variables: str
) -> "subprocess.Popen[str]":
    """Start pytest on a suite of one file."""
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}\n")
    (folder / "test_theirs.py").write_text(text)
    outer = {name for name in os.environ if name.startswith("PYTEST_")}
    environment = clean_environment(TMPDIR=str(folder), **variables)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={name: value for name, value in environment.items() if name not in outer},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def servers(folder: Path) -> list[Path]:
    """Return the data folders of the embedded servers that were told to live in the folder."""
    return list(folder.glob("lmsschema-*/data"))
