"""A checkout with further revisions, run as its user runs it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmsschema as package
from lmsschema.migration import revisions
from tests.support.program import Outcome, clean_environment

Checkout = Callable[..., Outcome]

ROOT = Path(package.__file__).parent.parent

#: The newest revision of the checkout.
HEAD = revisions.head()

REVISION = '''\
"""A revision of a test."""

from alembic import op

from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.of_profile import OfProfile
from lmsschema.ddl.trigger import Function, Trigger

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None

{constants}

def upgrade() -> None:
{body}


def downgrade() -> None:
    pass
'''


def make(folder: Path, body: str, *, name: str = "9001_test", before: str = HEAD) -> Checkout:
    """Make a checkout with a revision of which ``upgrade()`` has that body; return its program."""
    return write(folder, {name: text(name, before, body)})


def of_steps(folder: Path, *steps: str, name: str = "9001_test") -> Checkout:
    """Make a checkout with a revision of these steps; return its program."""
    constants = f"STEPS: tuple[steps.Step, ...] = ({' '.join(f'{step},' for step in steps)})\n"
    body = "    steps.apply(op, STEPS)"
    return write(folder, {name: text(name, HEAD, body, constants)})


def text(revision: str, before: str, body: str, constants: str = "") -> str:
    """Return the text of a revision's file."""
    return REVISION.format(revision=revision, before=before, body=body, constants=constants)


def write(folder: Path, files: dict[str, str]) -> Checkout:
    """Copy what of the checkout the program needs, add revisions' files, and return its program."""
    for part in ("lmsschema", "migrations"):
        if not (folder / part).exists():
            shutil.copytree(ROOT / part, folder / part)
    for part in ("cli.py", "pyproject.toml"):
        shutil.copy(ROOT / part, folder)
    for name, content in files.items():
        (folder / "migrations" / "versions" / f"{name}.py").write_text(content)

    def run(*arguments: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, folder / "cli.py", *arguments],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
