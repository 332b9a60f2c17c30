"""docs/architecture.md names every room; no two public classes of the package share a name."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_rooms_is_what_there_is() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = set(re.findall(r"^\| `lmsschema/([\w.]+)/?` \|", page, re.MULTILINE))
    there = {
        entry.name
        for entry in (ROOT / "lmsschema").iterdir()
        if not entry.name.startswith("__") and entry.suffix in {"", ".py"}
    }
    assert rooms == there


def test_no_two_public_classes_share_a_name() -> None:
    """Who reads a name knows which one is meant."""
    where: dict[str, list[str]] = {}
    for path in sorted((ROOT / "lmsschema").rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(path.name)
    assert len(where) > 50
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
