"""Revisions' files that form no line, or can't be run safely: refused before anything is run."""

from pathlib import Path

import psycopg
import pytest

from tests.support import checkouts
from tests.support.checkouts import HEAD

MAKE = '    op.execute("CREATE TABLE notes (id int)")\n'
STEPS = '    steps.apply(op, (Index("ix_users_profile", "users", "profile"),))\n'
BLOCK = (
    "    with op.get_context().autocommit_block():\n"
    '        op.execute("CREATE INDEX CONCURRENTLY ix_users_profile ON users (profile)")\n'
)

#: What is wrong → the files (name, revision, parent, body), and the rule.
CASES = {
    "two of one parent": (
        [
            ("9001_left", "9001_left", HEAD, MAKE),
            ("9002_right", "9002_right", HEAD, STEPS),
        ],
        "revision-order",
        f"9002_right and 9001_left both follow {HEAD}",
    ),
    "another name": (
        [("9001_notes", "9001_other", HEAD, MAKE)],
        "revision-name",
        "the file is named 9001_notes.py, its revision 9001_other",
    ),
    "no number": (
        [("notes", "notes", HEAD, MAKE)],
        "revision-name",
        "Name the file after its revision",
    ),
    "out of order": (
        [
            ("9001_second", "9001_second", "9002_first", MAKE),
            ("9002_first", "9002_first", HEAD, STEPS),
        ],
        "revision-order",
        f"9001_second follows 9002_first, and its file {HEAD}",
    ),
    "autocommit_block": (
        [("9001_block", "9001_block", HEAD, BLOCK)],
        "autocommit-block",
        "lmsschema.ddl.index.Index builds an index CONCURRENTLY",
    ),
    "steps and statements": (
        [("9001_mixed", "9001_mixed", HEAD, MAKE + STEPS)],
        "steps-mixed",
        "op.execute() beside steps.apply()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_before_anything_is_run(case: str, upgraded_url: str, tmp_path: Path) -> None:
    files, rule, message = CASES[case]
    program = checkouts.write(
        tmp_path,
        {name: checkouts.text(revision, before, body) for name, revision, before, body in files},
    )
    linted = program("lint", "--json")
    assert linted.code == 3, linted.err
    found = [one for one in linted.json["findings"] if one["rule"] == rule]
    assert any(message in f"{one['message']}. {one['help']}" for one in found), found
    for command in ("plan", "upgrade"):
        refused = program(command, "--url", upgraded_url)
        assert refused.code == 6, refused
        assert message in refused.err
    with psycopg.connect(upgraded_url) as conn:
        left = conn.execute("SELECT to_regclass('notes'), to_regclass('ix_users_profile')")
        assert left.fetchone() == (None, None)
        version = conn.execute("SELECT version_num FROM lmsschema_version").fetchone()
        assert version == (HEAD,)
