"""Fixtures of the tests of this room."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import lmsschema as package
from lmsschema.migration import revisions
from lmsschema.testing import settings
from tests.support.live_upgrades import INSTITUTION, REVISION, USER, Checkout
from tests.support.program import Outcome, clean_environment


@pytest.fixture(scope="module")
def shadow() -> Iterator[dict[str, str]]:
    """The environment of an embedded server of the tests' own."""
    home = Path(tempfile.mkdtemp(prefix="lmsschema-", dir=settings.data_root()))
    home.chmod(0o711)
    environment = {"LMSSCHEMA_HOME": str(home / "server")}
    subprocess.run(
        [sys.executable, "-m", "lmsschema", "local", "start"],
        env=clean_environment(**environment),
        capture_output=True,
        check=True,
    )
    yield environment
    subprocess.run(
        [sys.executable, "-m", "lmsschema", "local", "destroy", "--yes"],
        env=clean_environment(**environment),
        capture_output=True,
        check=True,
    )
    shutil.rmtree(home)


@pytest.fixture
def checkout(tmp_path: Path, shadow: dict[str, str]) -> Callable[..., Checkout]:
    """Make a checkout with one revision more, whose upgrade() is the body given; run it."""
    root = Path(package.__file__).parent.parent
    for part in ("lmsschema", "migrations"):
        shutil.copytree(root / part, tmp_path / part)
    shutil.copy(root / "cli.py", tmp_path)

    def make(body: str, back: str = "    pass") -> Checkout:
        name = revisions.next_id("test")
        text = REVISION.format(revision=name, before=revisions.head(), body=body, back=back)
        (tmp_path / "migrations" / "versions" / f"{name}.py").write_text(text)

        def run(*arguments: str) -> Outcome:
            done = subprocess.run(
                [sys.executable, tmp_path / "cli.py", *arguments],
                env=clean_environment(**shadow),
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Traceback" not in done.stderr, done.stderr
            return Outcome(done.returncode, done.stdout, done.stderr)

        return run

    return make


@pytest.fixture
def populated_url(upgraded_url: str) -> str:
    """A database at head with a user."""
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(INSTITUTION)
        conn.execute(USER)
    return upgraded_url
