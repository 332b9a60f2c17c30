"""How progress is told: a bar on a terminal, lines elsewhere."""

import os
import subprocess
import sys

PROGRAM = """
from lmsschema.cli._common import Teller
from lmsschema.locks.context import Progress
tell = Teller()
tell(Progress("begun"))
for done in (0, 50):
    tell(Progress("index a: building", done, 100))
tell(Progress("session 7 blocks it"))
tell(Progress("index a: building", 100, 100))
tell(Progress("index a: waiting"))
"""


def test_lines_where_there_is_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines() == [
        "begun",
        "index a: building, 0 %",
        "index a: building, 50 %",
        "session 7 blocks it",
        "index a: building, 100 %",
        "index a: waiting",
    ]
    assert done.stdout == ""


def test_a_bar_on_a_terminal() -> None:
    ours, theirs = os.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    bars = [part for part in shown.split("\r") if part.startswith("[")]
    assert [bar[1:31].count("#") for bar in bars] == [0, 15, 30]
    assert " 50% index a" in bars[1]
    assert "session 7 blocks it" in bars[1].splitlines()[-1]
    assert shown.splitlines()[-1] == "index a: waiting"
