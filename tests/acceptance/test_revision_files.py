"""Revisions' files that form no line, or can't be run safely: refused before anything is run."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import lmsschema as package
from tests.acceptance.conftest import Outcome, clean_environment

CHECKOUT = Path(package.__file__).parent.parent

REVISION = '''\
"""A revision of a test."""

from alembic import op
from lmsschema.ddl import steps
from lmsschema.ddl.index import Index

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{body}


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS notes")
'''

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
            ("0005_left", "0005_left", "0004_integrity", MAKE),
            ("0006_right", "0006_right", "0004_integrity", STEPS),
        ],
        "revision-order",
        "0006_right and 0005_left both follow 0004_integrity",
    ),
    "another name": (
        [("0005_notes", "0005_other", "0004_integrity", MAKE)],
        "revision-name",
        "the file is named 0005_notes.py, its revision 0005_other",
    ),
    "no number": (
        [("notes", "notes", "0004_integrity", MAKE)],
        "revision-name",
        "Name the file after its revision",
    ),
    "out of order": (
        [
            ("0005_second", "0005_second", "0006_first", MAKE),
            ("0006_first", "0006_first", "0004_integrity", STEPS),
        ],
        "revision-order",
        "0005_second follows 0006_first, and its file 0004_integrity",
    ),
    "autocommit_block": (
        [("0005_block", "0005_block", "0004_integrity", BLOCK)],
        "autocommit-block",
        "lmsschema.ddl.index.Index builds an index CONCURRENTLY",
    ),
    "steps and statements": (
        [("0005_mixed", "0005_mixed", "0004_integrity", MAKE + STEPS)],
        "steps-mixed",
        "op.execute() beside steps.apply()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_before_anything_is_run(case: str, upgraded_url: str, tmp_path: Path) -> None:
    files, rule, message = CASES[case]
    for part in ("lmsschema", "migrations"):
        shutil.copytree(CHECKOUT / part, tmp_path / part)
    for part in ("cli.py", "pyproject.toml"):
        shutil.copy(CHECKOUT / part, tmp_path)
    for name, revision, before, body in files:
        text = REVISION.format(revision=revision, before=before, body=body)
        (tmp_path / "migrations" / "versions" / f"{name}.py").write_text(text)

    def program(*arguments: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, tmp_path / "cli.py", *arguments],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

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
        assert version == ("0004_integrity",)
