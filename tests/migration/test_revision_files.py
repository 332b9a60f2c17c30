"""Revisions' files that form no line, or can't be run safely: refused before anything is run."""

from pathlib import Path

import psycopg
import pytest

from tests.support import checkouts

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
            ("0006_left", "0006_left", "0005_consistency", MAKE),
            ("0007_right", "0007_right", "0005_consistency", STEPS),
        ],
        "revision-order",
        "0007_right and 0006_left both follow 0005_consistency",
    ),
    "another name": (
        [("0006_notes", "0006_other", "0005_consistency", MAKE)],
        "revision-name",
        "the file is named 0006_notes.py, its revision 0006_other",
    ),
    "no number": (
        [("notes", "notes", "0005_consistency", MAKE)],
        "revision-name",
        "Name the file after its revision",
    ),
    "out of order": (
        [
            ("0006_second", "0006_second", "0007_first", MAKE),
            ("0007_first", "0007_first", "0005_consistency", STEPS),
        ],
        "revision-order",
        "0006_second follows 0007_first, and its file 0005_consistency",
    ),
    "autocommit_block": (
        [("0006_block", "0006_block", "0005_consistency", BLOCK)],
        "autocommit-block",
        "lmsschema.ddl.index.Index builds an index CONCURRENTLY",
    ),
    "steps and statements": (
        [("0006_mixed", "0006_mixed", "0005_consistency", MAKE + STEPS)],
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
        assert version == ("0005_consistency",)
