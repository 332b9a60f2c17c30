"""On a terminal, ``ensure`` shows one bar for all months; elsewhere a line each, and no bar."""

import os
import subprocess
import sys

import psycopg

from tests.support import events
from tests.support.program import clean_environment


def shown(url: str, *command: str, terminal: bool) -> tuple[int, str]:
    """Return the exit code of a run that is started cold, and what it writes to stderr."""
    ours, theirs = os.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "lmsschema", "partitions", *command],
        env=clean_environment(LMSSCHEMA_DATABASE_URL=url),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        found = b""
        try:
            while data := os.read(ours, 65536):
                found += data
        except OSError:  # a terminal whose other end is closed
            pass
        os.close(ours)
    return process.returncode, found.decode().replace("\r\n", "\n")


def test_one_bar_for_all_months(conn: psycopg.Connection, upgraded_url: str) -> None:
    code, said = shown(upgraded_url, "ensure", "--ahead", "15", terminal=True)
    assert code == 0
    bars = [part for part in said.split("\r") if part.startswith("[")]
    shares = [bar[1:31].count("#") for bar in bars]
    assert len(bars) == 12
    assert shares == sorted(shares)
    assert shares[-1] == 30
    assert said.count("made learning_events") == 12
    assert len([line for line in said.split("\n") if "made learning_events" in line]) == 1
    assert events.name(15) in events.partitions(conn)


def test_a_line_for_each_month_elsewhere(conn: psycopg.Connection, upgraded_url: str) -> None:
    code, said = shown(upgraded_url, "ensure", "--ahead", "5", terminal=False)
    assert code == 0
    lines = [line for line in said.splitlines() if line.startswith("made ")]
    assert lines == [f"made {events.name(n)}" for n in (4, 5)]
    assert "rich" not in said
    assert "| sqlalchemy" not in said
    assert events.name(5) in events.partitions(conn)


def test_what_follows_a_bar_that_is_not_full_has_a_line_of_its_own(
    conn: psycopg.Connection, upgraded_url: str
) -> None:
    events.insert(conn, events.month(5), 3000)
    events.insert(conn, events.month(-5), 3000)
    code, said = shown(upgraded_url, "ensure", "--ahead", "5", terminal=True)
    assert code == 3
    [line] = [line for line in said.splitlines() if "rows in learning_events_default" in line]
    assert line.startswith("rows in")
