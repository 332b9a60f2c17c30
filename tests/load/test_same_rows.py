"""Order, size of batches, number of runs, and where they are killed: the rows are the same."""

import contextlib
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmsschema.testing import binaries
from tests.load.conftest import Load
from tests.support import forks, loading
from tests.support.boundaries import Boundary, Statement, relayed
from tests.support.forks import Forker
from tests.support.loading import line, statement
from tests.support.program import clean_environment

VERSION = os.environ.get("LMSSCHEMA_TEST_VERSION", binaries.NEWEST)
EVERY = int(os.environ.get("LMSSCHEMA_TEST_KILL_EVERY", "211"))

#: Two months; duplicates; one that is void before, one after and one beside what voids it; rejects.
LINES = [
    *(line(statement(number)) for number in range(1, 25)),
    line(statement(3)),
    line(statement(7)),
    line(loading.voiding(101, 5)),
    line(loading.voiding(102, 5)),
    line(loading.voiding(103, 30)),
    line(loading.voiding(104, 104)),
    line(statement(30)),
    line(statement(31, context=None)),
    line(statement(32, result={"response": "a\0b"})),
    b'{"cut',
    line(statement(33, timestamp="1970-01-01T00:00:00Z")),
]
OPTIONS = ("--missing", "create", "--batch")


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with forks.forker(clean_environment()) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return loading.write(tmp_path / "lines.jsonl", *LINES)


@pytest.fixture
def expected(conn: psycopg.Connection, load: Load, file: Path) -> dict[str, str | None]:
    """What one run leaves that reads the whole file at once."""
    done = load("xapi", file, *OPTIONS, "10000")
    assert done.code == 3, done.err
    counts = done.json["now"]
    assert (counts["events"], counts["duplicates"], counts["rejected"]) == (25, 2, 2)
    assert (counts["voidings"], counts["voided"]) == (3, 2)
    found = loading.left(conn)
    assert found["misplaced"] is None
    loading.clear(conn)
    return found


def test_order_and_size_of_batches_do_not_matter(
    conn: psycopg.Connection, load: Load, tmp_path: Path, expected: dict[str, str | None]
) -> None:
    @settings(max_examples=8, suppress_health_check=list(HealthCheck))
    @given(st.permutations(LINES), st.integers(1, len(LINES)))
    def check(lines: list[bytes], batch: int) -> None:
        loading.clear(conn)
        file = loading.write(tmp_path / "shuffled.jsonl", *lines)
        assert load("xapi", file, *OPTIONS, str(batch)).code == 3
        assert loading.left(conn) == expected

    check()


def test_runs_at_the_same_time_do_not_matter(
    conn: psycopg.Connection,
    forker: Forker,
    loaded_url: str,
    tmp_path: Path,
    expected: dict[str, str | None],
) -> None:
    """Three files that overlap, each loaded by a run of its own."""
    shuffled = random.Random(1).sample(LINES, len(LINES))  # noqa: S311  no secret
    parts = (LINES[:25], LINES[10:], shuffled)
    where = ("--url", loaded_url, "--institution", loading.DOMAIN)
    with contextlib.ExitStack() as runs:
        begun = []
        for number, part in enumerate(parts):
            file = loading.write(tmp_path / f"part{number}.jsonl", *part)
            arguments = ("load", "xapi", str(file), *OPTIONS, "2", *where)
            begun.append(runs.enter_context(forker.start(*arguments)))
        assert [fork.wait().code for fork in begun] == [0, 3, 3]
    assert loading.left(conn) == expected


def test_a_run_that_is_killed_at_any_statement_is_continued_by_the_next(
    conn: psycopg.Connection,
    forker: Forker,
    loaded_url: str,
    file: Path,
    expected: dict[str, str | None],
) -> None:
    arguments = ("load", "xapi", str(file), *OPTIONS, "8", "--institution", loading.DOMAIN)

    def run(boundary: Boundary) -> int:
        with relayed(loaded_url, boundary) as url:
            return forker.run(*arguments, "--url", url)

    def begin() -> None:
        loading.clear(conn)
        conn.execute("DROP TABLE IF EXISTS learning_events_2024_03, learning_events_2024_04")

    begin()
    undisturbed = Boundary()
    assert run(undisturbed) == 3
    assert loading.left(conn) == expected
    for place in places(undisturbed.seen):
        begin()
        killed = Boundary(place, "before", forker.kill)
        assert run(killed) == -signal.SIGKILL, place
        assert run(Boundary()) == 3, place
        assert loading.left(conn) == expected, undisturbed.seen[place - 1]


def places(seen: list[Statement]) -> list[int]:
    """Return at which statements a run is killed: all, or a third of the kinds of changes."""
    if EVERY == 1:
        return list(range(1, len(seen) + 1))
    last = {one.text: number for number, one in enumerate(seen, 1)}
    found = sorted(number for text, number in last.items() if changes(text))
    return found[int(VERSION) % 3 :: 3]


def changes(text: str) -> bool:
    """Whether a statement changes something, or ends a transaction that does."""
    return any(
        word in text for word in ("INSERT INTO", "UPDATE ", "DELETE ", "COPY ", "COMMIT", "ATTACH")
    )
