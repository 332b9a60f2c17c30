"""What test_local_command and test_local_refusals share."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.program import Outcome, clean_environment

ROOT = os.geteuid() == 0


AS_ACCOUNT = Path(__file__).parents[1] / "support" / "as_account.py"


CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class User:
    """Somebody who uses the program, with an environment of their own."""

    start: tuple[str | Path, ...]
    environment: dict[str, str]

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run the program; that it ends shows that no server holds its output open."""
        own = self.environment | environment
        whole = clean_environment(**own)
        if "LMSSCHEMA_HOME" not in own:
            whole.pop("LMSSCHEMA_HOME", None)
        done = subprocess.run(
            [*self.start, *arguments],
            env=whole,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)


def root_or_whoever_runs_this(folder: Path) -> User:
    return User((sys.executable, "-m", "lmsschema"), {"LMSSCHEMA_HOME": str(folder / "home")})


def ordinary_account(folder: Path) -> User:
    """Anyone but root, with the default place for the server, below the account's own folder."""
    own = folder / "own"
    own.mkdir(mode=0o700)
    if not ROOT:
        return User((sys.executable, "-m", "lmsschema"), {"HOME": str(own)})
    nobody = pwd.getpwnam("nobody")
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    start = (sys.executable, AS_ACCOUNT, str(nobody.pw_uid))
    return User(start, {"HOME": str(own), "PYTHONPATH": str(CHECKOUT)})
