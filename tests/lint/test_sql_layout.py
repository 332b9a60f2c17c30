"""The SQL that lmsschema prints passes sqlfluff, with the project's own configuration."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command

from lmsschema.migration import revisions, runner, schema_script

PYPROJECT = revisions.folder().parent / "pyproject.toml"

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def downgrade() -> str:
    config = runner.config()
    config.output_buffer = io.StringIO()
    command.downgrade(config, "head:base", sql=True)
    return config.output_buffer.getvalue()


def frame(schema: str) -> str:
    """Return the script in a schema, with one statement for all that is the same in any."""
    whole, rest = schema_script.render(schema, NOON), schema_script.render(None, NOON)
    assert whole.count(rest) == 1
    return whole.replace(rest, "SELECT 1;\n")


SCRIPTS: dict[str, Callable[[], str]] = {
    "ddl in lms": lambda: frame("lms"),
    "ddl in Campus_North": lambda: frame("Campus_North"),
    "upgrade by two revisions": lambda: runner.offline("0005_consistency", "0007_search"),
    "downgrade": downgrade,
}


def violations(script: Path) -> list[tuple[str, int]]:
    """Return the rules that a script breaks, each with the line."""
    done = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", script, "--config", PYPROJECT, "--format=json"],
        capture_output=True,
        text=True,
        check=False,
    )
    [file] = json.loads(done.stdout)
    return [(found["code"], found["start_line_no"]) for found in file["violations"]]


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_passes_the_linter(tmp_path: Path, name: str) -> None:
    script = tmp_path / "script.sql"
    script.write_text(SCRIPTS[name]())
    assert violations(script) == []


def test_ddl_passes_and_the_linter_reads_it_to_its_end(tmp_path: Path) -> None:
    """It skips what is long in silence unless told not to."""
    script = tmp_path / "script.sql"
    text = schema_script.render(None, NOON)
    script.write_text(f"{text}\nselect 1;\n")
    assert len(text) > 20_000
    assert violations(script) == [("CP01", len(text.splitlines()) + 2)]


def test_an_upgrade_is_its_revisions_one_after_the_other() -> None:
    """``lint`` reads each of them: tests/lint/test_lint_command.py."""
    ends = [revisions.BASE, *revisions.ids()]
    scripts = [runner.offline(before, revision) for before, revision in pairwise(ends)]
    assert runner.offline(revisions.BASE, revisions.HEAD) == "\n".join(scripts)
