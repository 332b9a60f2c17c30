"""Writers at full speed: pgbench inserts events and updates users, and notes each statement."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import events

#: pgbench's scripts by what they do; a client updates a user of its own.
SCRIPTS = {
    "insert": " ".join((events.INSERT % {"at": "'now'", "rows": "1"}).split("\n")) + ";",
    "update": "\\set n :client_id + 1\n"
    "UPDATE users SET last_active_at = now() WHERE username = 'u' || :n;",
}

#: Of each kind, in a process of its own: an update that waits keeps no insert from being tried.
CLIENTS = 2
#: Seconds that are looked at, whatever is run takes: in a longer time a machine has more stalls of
#: its own.
WINDOW = 4
HEAD_START = 1.5


@dataclass
class Stalls:
    """The longest statement of each kind in seconds, and what pgbench said of those that failed."""

    longest: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SCRIPTS, 0.0))
    errors: list[str] = field(default_factory=list)


def stalls(pgbench: Path, url: str, run: Callable[[], object]) -> Stalls:
    """Run something while the writers are at work."""
    with tempfile.TemporaryDirectory() as folder:
        writers = {kind: _writer(pgbench, url, kind, Path(folder)) for kind in SCRIPTS}
        time.sleep(HEAD_START)
        begin = time.time()
        run()
        if time.time() > begin + WINDOW:
            raise SystemExit("what was run took longer than the writers were watched")
        if any(writer.poll() is not None for writer in writers.values()):
            raise SystemExit("all writers of a kind ended too soon, by errors")
        found = Stalls()
        for kind, writer in writers.items():
            _, said = writer.communicate()
            found.errors += [line for line in said.splitlines() if "abort" in line]
            for log in Path(folder).glob(f"{kind}.*"):
                for line in log.read_text().splitlines():
                    _, _, taken, _, seconds, micro, *_ = line.split()
                    latency, ended = int(taken) / 1e6, int(seconds) + int(micro) / 1e6
                    if begin <= ended and ended - latency <= begin + WINDOW:
                        found.longest[kind] = max(found.longest[kind], latency)
    return found


def _writer(pgbench: Path, url: str, kind: str, folder: Path) -> subprocess.Popen[str]:
    """Start the clients of a kind; each statement is a line of ``<kind>.<pid>`` in ``folder``."""
    script = folder / f"script-{kind}.sql"
    script.write_text(SCRIPTS[kind])
    seconds = str(int(HEAD_START + WINDOW) + 1)
    options = ["-n", "-c", str(CLIENTS), "-T", seconds, "-l", f"--log-prefix={kind}"]
    return subprocess.Popen(
        [pgbench, *options, "-f", script, url],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
