"""Fixtures of the tests of this room."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmsschema.local_server import embedded
from lmsschema.local_server.server import Server
from lmsschema.testing import settings
from tests.support.local_users import User, ordinary_account, root_or_whoever_runs_this
from tests.support.servers import FAST, PROGRAMS, own_folder


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """The home of a server with a database lms, made once and not running."""
    with own_folder() as folder:
        server = Server(PROGRAMS, folder / "home", FAST, database="lms")
        server.start()
        server.stop()
        yield server.home


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can enter."""
    with own_folder() as folder:
        yield folder


@pytest.fixture
def home(folder: Path) -> Path:
    """The home of a server that is yet to be made."""
    return folder / "home"


@pytest.fixture
def stopped(made: Path, home: Path) -> Server:
    """A server with a database lms that does not run."""
    subprocess.run(["cp", "-a", made, home], check=True)
    return Server(PROGRAMS, home, FAST, database="lms")


@pytest.fixture
def server(stopped: Server) -> Server:
    """A running server with a database lms."""
    assert stopped.start()
    return stopped


@pytest.fixture
def users_folder() -> Iterator[Path]:
    """A users_folder that every account can enter."""
    users_folder = Path(tempfile.mkdtemp(prefix="lmsschema-local-", dir=settings.data_root()))
    users_folder.chmod(0o755)
    yield users_folder
    for lock in users_folder.rglob("lmsschema.lock"):
        embedded.find({"LMSSCHEMA_HOME": str(lock.parent)}).remove()
    shutil.rmtree(users_folder)


@pytest.fixture(params=[root_or_whoever_runs_this, ordinary_account])
def user(request: pytest.FixtureRequest, users_folder: Path) -> User:
    make: Callable[[Path], User] = request.param
    return make(users_folder)


@pytest.fixture
def me(users_folder: Path) -> User:
    return root_or_whoever_runs_this(users_folder)
