"""A revision after the profiles, with steps of one profile alone."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from lmsschema import names
from tests.support import checkouts, upgrading
from tests.support.checking import execute
from tests.support.program import Program

STEPS = (
    'OfProfile("lean", Index("ix_lean", "users", "created_at"))',
    'OfProfile("faithful", Index("ix_faithful", "users", "created_at"))',
    'Index("ix_both", "courses", "created_at")',
)
MADE = "SELECT relname FROM pg_class WHERE relname LIKE 'ix\\_%' ORDER BY relname"


@pytest.mark.parametrize("profile", names.PROFILES)
def test_a_database_gets_the_steps_of_its_profile(
    profile: str, upgraded_url: str, lmsschema: Program, tmp_path: Path
) -> None:
    on = ("--url", upgraded_url)
    execute(upgraded_url, upgrading.FILL)
    assert lmsschema("indexes", "set", profile, *on).code == 0
    program = checkouts.of_steps(tmp_path, *STEPS)
    # behind, it is compared with its revision and profile
    behind = program("check", "--json", *on)
    assert behind.json["pending"] == ["9001_test"], behind.err
    assert (behind.json["profile"], behind.json["drift"]) == (profile, [])
    assert behind.json["profile_pending"] == []
    planned = program("plan", "--json", "--shadow-url", upgraded_url, *on)
    assert planned.code == 0, planned.err
    measured = " ".join(one["sql"] for one in planned.json["steps"][0]["statements"])
    assert f"ix_{profile}" in measured
    assert measured.count("CREATE INDEX") == 2
    assert program("upgrade", "--shadow-url", upgraded_url, *on).code == 0
    with psycopg.connect(upgraded_url) as conn:
        assert [name for (name,) in conn.execute(MADE)] == ["ix_both", f"ix_{profile}"]


def test_a_script_asks_the_database(
    database_url: str, lmsschema: Program, tmp_path: Path, psql: Callable[..., str]
) -> None:
    on = ("--url", database_url)
    assert lmsschema("upgrade", "--profile", "lean", *on).code == 0
    program = checkouts.of_steps(tmp_path, *STEPS)
    script = program("plan", *on).out
    psql(database_url, script)
    with psycopg.connect(database_url) as conn:
        assert [name for (name,) in conn.execute(MADE)] == ["ix_both", "ix_lean"]
