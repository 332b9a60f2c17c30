"""Built distributions, and an environment in which the wheel is installed."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, create, run


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Path]:
    """A folder far from the checkout that the account of an embedded server can enter."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-packaging-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def distributions(elsewhere: Path) -> Path:
    """A folder with the sdist of the checkout, and the wheel that was built from that sdist."""
    folder = elsewhere / "dist"
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=elsewhere)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The built wheel."""
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    """The built sdist."""
    (found,) = distributions.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def programs(wheel: Path, elsewhere: Path) -> Path:
    """The programs of a virtual environment with the wheel and its extras."""
    programs = create(elsewhere / "venv")
    run(programs / "pip", "install", "-q", f"{wheel}[local,pytest]", "pytest-xdist", cwd=elsewhere)
    return programs
