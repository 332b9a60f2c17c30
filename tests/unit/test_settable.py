"""Options of the catalogs are read only through what says which of them DDL can set."""

import re
from pathlib import Path

import lmsschema

FOLDER = Path(lmsschema.__file__).parent / "sql"
OPTIONS = re.compile(r"\b(?:att|attfdw|rel|ft|fdw|srv|um|spc)options\b")
THROUGH_IT = re.compile(r"\bsettable_\w+\([\w.]+\)")


def test_no_query_reads_options_past_it() -> None:
    past = {
        path.name
        for path in FOLDER.rglob("*.sql")
        if OPTIONS.search(THROUGH_IT.sub("", path.read_text("utf-8")))
    }
    assert {name for name in past if not name.startswith("settable_")} == set()
