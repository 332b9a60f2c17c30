"""docs/guide.md has the guide's ten sections, with each table as the guide's transcript has it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import ENUM

from lmsschema.tables import metadata

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide.md").read_text("utf-8")
SECTIONS: dict[int, str] = {
    int(number): text
    for number, text in re.findall(
        r"^## Section (\d+): [^\n]+\n(.*?)(?=^##? )", PAGE, re.MULTILINE | re.DOTALL
    )
}
CASES: dict[int, dict[str, Any]] = {
    number: tomllib.loads(
        (ROOT / "tests" / "tables" / "guide_cases" / f"{part}.toml").read_text("utf-8")
    )
    for number, part in enumerate(("foundation", "progress", "analytics"), 1)
}
TABLES = [(number, table) for number, case in CASES.items() for table in case]


def part_of(number: int, table: str) -> str:
    """Return what a section says of a table."""
    return SECTIONS[number].partition(f"\n### `{table}`\n")[2].partition("\n### ")[0]


def bare(cell: str) -> str:
    return cell.strip().strip("`")


def test_there_are_ten_sections_and_each_of_the_first_three_has_its_tables() -> None:
    assert list(SECTIONS) == list(range(1, 11))
    headings = [
        (number, table)
        for number, text in SECTIONS.items()
        for table in re.findall(r"^### `(\w+)`$", text, re.MULTILINE)
    ]
    assert headings == TABLES
    for number in set(range(4, 11)) - {4, 5, 9}:
        assert "not implemented yet" in SECTIONS[number]
    assert "](analytics.md)" in SECTIONS[4]
    assert "](rollups.md)" in SECTIONS[4]
    assert "](grading.md)" in SECTIONS[9]


@pytest.mark.parametrize(("number", "table"), TABLES)
def test_the_columns_of_a_table(number: int, table: str) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|(.*?)\|(.*?)\|(.*?)\|(.*)\|$",
        part_of(number, table).partition("\nKeys: ")[0],
        re.MULTILINE,
    )
    expected = []
    for name, kind, null, default, *_ in CASES[number][table]["columns"]:
        column = metadata.tables[table].columns[name]
        expected.append(
            (
                name,
                column.type.name if isinstance(column.type, ENUM) else kind,
                "NOT NULL" if null == "not null" else "",
                re.sub(r"::[\w {}]+$", "", default),
                column.comment or "",
            )
        )
    assert [(name, *map(bare, cells)) for name, *cells in rows] == expected


@pytest.mark.parametrize(("number", "table"), TABLES)
def test_the_keys_and_indexes_of_a_table(number: int, table: str) -> None:
    text, escaped = part_of(number, table), r"\|"
    case = CASES[number][table]
    (keys,) = re.findall(r"^Keys: (.*)\.$", text, re.MULTILINE)
    assert re.findall(r"`([^`]+)`", keys) == case["constraints"]
    indexes = re.findall(r"^\| `(idx_\w+)` \| (\w* ?)`(.+?)` \| (.+) \|$", text, re.MULTILINE)
    said = [
        f"CREATE INDEX {name} ON {table} USING {method or 'btree '}({on.replace(escaped, '|')})"
        for name, method, on, _ in indexes
    ]
    assert said == [index.replace(" ON ONLY ", " ON ") for index in case["indexes"]]
