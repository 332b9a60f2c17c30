"""The parts that queries share: each call is replaced, and each part serves several queries."""

import re
from pathlib import Path

import lmsschema
from lmsschema.database.queries import query

FOLDER = Path(lmsschema.__file__).parent / "sql"
SHARED = {path.stem for path in (FOLDER / "shared").glob("*.sql")}
CALL = re.compile(rf"\b({'|'.join(SHARED)})\(")


def test_each_call_of_a_shared_part_is_replaced_and_each_part_is_used_twice() -> None:
    used: list[str] = []
    for path in FOLDER.rglob("*.sql"):
        if path.parent.name == "shared":
            continue
        used += CALL.findall(path.read_text("utf-8"))
        text = query(f"{path.parent.name}/{path.stem}").as_string()
        assert not CALL.search(re.sub(r"--.*", "", text)), path
    assert {name for name in SHARED if used.count(name) > 1} == SHARED
