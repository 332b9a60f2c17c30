"""Virtual environments, and programs run far from the checkout."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOREIGN = ("PG", "LMSSCHEMA_", "DATABASE_URL", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST_")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a program as in a fresh terminal, which has to end well; return its stdout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def create(folder: Path) -> Path:
    """Make a virtual environment; return the folder of its programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin"


def project_files(folder: str) -> set[str]:
    """Return the files of a folder that belong to the project, by their paths from the root."""
    listed = run(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder, cwd=ROOT
    )
    return {name for name in listed.split("\0") if name}
