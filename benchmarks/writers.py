"""Writers at full speed: pgbench inserts events and updates users, and notes each statement."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.db import events

#: pgbench's scripts by what they do; a client updates a user of its own.
SCRIPTS = {
    "insert": events.INSERT % {"at": "'now'", "rows": "1"} + ";",
    "update": "\\set n :client_id + 1\n"
    "UPDATE users SET last_active_at = now() WHERE username = 'u' || :n;",
}

CLIENTS = 4
SECONDS = 8
HEAD_START = 1.5


@dataclass
class Stalls:
    """The longest statement of each kind in seconds, before and during what was run.

    Attributes:
        before: While nothing else was done.
        during: While it was run.
        errors: What pgbench said of statements that failed.
    """

    before: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SCRIPTS, 0.0))
    during: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SCRIPTS, 0.0))
    errors: list[str] = field(default_factory=list)


def stalls(pgbench: Path, url: str, run: Callable[[], object]) -> Stalls:
    """Run something while the writers are at work."""
    with tempfile.TemporaryDirectory() as folder:
        files: list[str | Path] = []
        for name, text in SCRIPTS.items():
            path = Path(folder, f"{name}.sql")
            path.write_text(" ".join(text.split("\n")) if name == "insert" else text)
            files += ["-f", path]
        writers = subprocess.Popen(
            [pgbench, "-n", "-c", str(CLIENTS), "-T", str(SECONDS), "-l", *files, url],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(HEAD_START)
        begin = time.time()
        run()
        end = time.time()
        if writers.poll() is not None:
            raise SystemExit(
                f"the writers ended too soon: {writers.stderr and writers.stderr.read()}"
            )
        _, said = writers.communicate()
        found = Stalls(errors=[line for line in said.splitlines() if "abort" in line])
        for line in "".join(
            path.read_text() for path in Path(folder).glob("pgbench_log.*")
        ).splitlines():
            _, _, taken, script, seconds, micro, *_ = line.split()
            latency, ended = int(taken) / 1e6, int(seconds) + int(micro) / 1e6
            when = found.before if ended < begin else found.during
            if ended - latency <= end:
                kind = list(SCRIPTS)[int(script)]
                when[kind] = max(when[kind], latency)
    return found
