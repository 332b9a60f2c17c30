"""examples/fastapi: a service of somebody else's, with its own tests."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from lmsschema.testing.servers import RunningServer
from tests.support.program import clean_environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastapi"


def test_its_own_tests_pass(lms_server: RunningServer, tmp_path: Path) -> None:
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean_environment(LMSSCHEMA_TEST_URL=lms_server.url),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^2 passed in", done.stdout, re.MULTILINE)
