"""docs/architecture.md names every room of the package, and no other."""

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
