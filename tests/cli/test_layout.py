"""What a person sees: at 80 columns nothing breaks inside a word, and a pipe gets whole lines."""

import os
import pty
import re
import subprocess
import sys
import threading

import click
import psycopg
import pytest

from lmsschema.cli import _layout
from tests.support.databases import Psql
from tests.support.program import Program, clean_environment

COLUMNS = 80

#: The longest name that a partition can have.
LONG = "events_of_january_2020_" + "x" * 40

#: A line that can't be broken: a quoted text, which would be another one; a function,
#: whose body is such a text.
UNBREAKABLE = re.compile(r"\s*'(?:[^']|'')*'[;,)]*")
FUNCTION = re.compile(r"^CREATE FUNCTION .*?\$\$.*?\$\$;", re.DOTALL | re.MULTILINE)


def on_terminal(*arguments: str, **env: str) -> str:
    """Run the program on a terminal; return what it printed on stdout."""
    ours, theirs = pty.openpty()
    parts: list[bytes] = []

    def read() -> None:
        while True:
            try:
                found = os.read(ours, 65536)
            except OSError:  # its other end is closed
                return
            if not found:
                return
            parts.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run(
        [sys.executable, "-m", "lmsschema", *arguments],
        env=clean_environment(COLUMNS=str(COLUMNS), **env),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    os.close(theirs)
    reader.join()
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.fixture
def odd_url(upgraded_url: str) -> str:
    """A database with something to say of it."""
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "CREATE TABLE learning_events_2020_01 (LIKE learning_events INCLUDING CONSTRAINTS)"
        )
        conn.execute(
            "ALTER TABLE learning_events ATTACH PARTITION learning_events_2020_01"
            " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')"
        )
        conn.execute(
            "CREATE INDEX an_index_of_a_very_long_name_that_repeats_another_one"
            " ON enrollments (user_id)"
        )
    return upgraded_url


@pytest.mark.parametrize("command", ["partitions list", "doctor", "history"])
def test_at_eighty_columns(lmsschema: Program, odd_url: str, command: str) -> None:
    seen = on_terminal(*command.split(), "--url", odd_url)
    lines = [click.unstyle(line) for line in seen.splitlines()]
    assert max(map(len, lines)) <= COLUMNS, max(lines, key=len)
    assert "\x1b[" in seen
    assert "\x1b[" not in on_terminal(*command.split(), "--url", odd_url, NO_COLOR="1")
    piped = lmsschema(*command.split(), "--url", odd_url).out
    assert "\x1b[" not in piped
    assert " ".join(piped.split()) == " ".join(" ".join(lines).split())


def too_wide(text: str) -> list[str]:
    """Return the lines that a terminal would break."""
    lines = FUNCTION.sub("", click.unstyle(text)).splitlines()
    return [one for one in lines if len(one) > COLUMNS and not UNBREAKABLE.fullmatch(one)]


def test_a_list_of_long_names_at_eighty_columns(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            f"CREATE TABLE {LONG} PARTITION OF learning_events"
            " FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')".encode()
        )
    seen = on_terminal("partitions", "list", "--url", upgraded_url)
    assert too_wide(seen) == []
    assert f"\n{LONG}\n" in seen
    piped = lmsschema("partitions", "list", "--url", upgraded_url).out
    assert piped.split() == click.unstyle(seen).split()


def test_a_plan_at_eighty_columns_is_the_same_script(
    lmsschema: Program, psql: Psql, database_url: str
) -> None:
    piped = lmsschema("plan", "--url", database_url).out
    seen = on_terminal("plan", "--url", database_url)
    assert too_wide(piped)
    assert too_wide(seen) == []
    psql(database_url, seen)
    assert lmsschema("check", "--url", database_url).code == 0


def test_the_locks_of_a_plan_at_eighty_columns(lmsschema: Program, database_url: str) -> None:
    assert lmsschema("upgrade", "0003", "--url", database_url).code == 0
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('North', 'north.example', 'k12')"
        )
    plan = ("plan", "--url", database_url, "--shadow-url", database_url)
    seen = on_terminal(*plan)
    assert too_wide(seen) == []
    remarks = " ".join(
        line.removeprefix("--").strip() for line in seen.splitlines() if line.startswith("--")
    )
    locks = re.findall(r"institutions \(.*?\): [A-Z ]+ blocks .*?: (.*)", lmsschema(*plan).out)
    assert locks
    for statement in locks:
        assert statement in remarks
        assert len(statement) <= 60


def test_the_list_says_what_is_odd_below_its_partition(lmsschema: Program, odd_url: str) -> None:
    lines = lmsschema("partitions", "list", "--url", odd_url).out.splitlines()
    assert lines[0].split() == ["NAME", "FROM", "(UTC)", "TO", "(UTC)", "ROWS", "~", "SIZE"]
    row = next(i for i, line in enumerate(lines) if line.startswith("learning_events_2020_01"))
    assert lines[row].split()[1:3] == ["2020-01-01", "2020-02-01"]


def test_the_revision_that_a_database_is_at_is_marked(
    lmsschema: Program, database_url: str
) -> None:
    assert lmsschema("upgrade", "0002", "--url", database_url).code == 0
    marked = lmsschema("history", "--url", database_url)
    (line,) = [line for line in marked.out.splitlines() if "(current)" in line]
    assert line.startswith("0002")
    assert lmsschema("history", "--json").json["current"] is None
    away = {"DATABASE_URL": "postgresql://ann@127.0.0.1:1/lms"}
    assert lmsschema("history", env=away).code == 0
    assert lmsschema("history", "--url", away["DATABASE_URL"]).code == 4


def test_a_statement_that_is_broken_is_the_same_statement() -> None:
    script = """
import sys
from lmsschema.cli import _layout
print("\\n".join(_layout.statement(sys.argv[1], "      ")))
"""
    given = (
        "ALTER TABLE learning_events ADD CONSTRAINT learning_events_check CHECK"
        " (event_type <> 'a text with  two spaces that is longer than what is left of the line')"
        ' NOT VALID; COMMENT ON TABLE "a  b" IS $$it  is$$'
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script, given], stdout=theirs, check=True)
    os.close(theirs)
    seen = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    assert len(seen.splitlines()) > 1
    for text in (
        "'a text with  two spaces that is longer than what is left of the line'",
        '"a  b"',
        "$$it  is$$",
    ):
        assert text in seen
    assert seen.split() == given.split()


def test_a_table() -> None:
    lines = _layout.table(("NAME", "ODD", "ROWS"), [("a", "", "10"), ("bcdef", "", "7")], (2,))
    assert lines == ["NAME   ROWS", "a        10", "bcdef     7"]
