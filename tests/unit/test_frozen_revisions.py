import ast
import hashlib
from pathlib import Path

import pytest

from lmsschema.migration import revisions, runner

VERSIONS = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py"))


WRITTEN = {
    "0001_foundation": "3bf914c5bf892ebd",
    "0002_progress": "ea6eca1a9a3dfb35",
    "0003_analytics": "04c61c6e5c050ace",
    "0004_integrity": "a463560639e272bd",
    "0005_consistency": "d223d9034c46c6be",
    "0006_settings": "c2c8e9af52cd6f75",
    "0007_search": "f70a7418e3152cf4",
    "0008_guide_tables": "3db3c40738435755",
    "0009_grading": "40c53d170b676709",
    "0010_grades": "80f3ce0d6868f742",
    "0011_pipeline": "8e573381aaace543",
    "0012_rollups": "64c7eab40fa579e2",
    "0013_analytics": "3923b8c73413f601",
}


def test_there_are_revisions() -> None:
    assert len(VERSIONS) >= 3


@pytest.mark.parametrize("file", VERSIONS, ids=lambda file: file.stem)
def test_a_revision_is_history_and_imports_no_code_that_may_change(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    ours = {name for name in modules if name.partition(".")[0] == "lmsschema"}
    assert {name.partition(".")[0] for name in modules - ours} <= {
        "alembic",
        "collections",
        "typing",
    }
    # steps are released with the revision: what they write is held below
    assert {name for name in ours if not name.startswith("lmsschema.ddl")} == set()


def test_what_a_released_revision_writes_never_changes() -> None:
    """A step that is changed for a new revision must not change an old one."""
    written = {
        end: hashlib.sha256(runner.offline(start, end).encode()).hexdigest()[:16]
        for start, end in zip([revisions.BASE, *revisions.ids()], revisions.ids(), strict=False)
    }
    assert written == WRITTEN
