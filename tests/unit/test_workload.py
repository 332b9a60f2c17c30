"""The statements of an LMS: the file is read whole, and each can be sent as it is."""

from pathlib import Path

import lmsschema
from lmsschema.workload import statements

FILE = Path(lmsschema.__file__).parent / "sql" / "workload" / "statements.sql"


def test_each_statement_of_the_file_is_read() -> None:
    texts = [one.text for one in statements().values()]
    whole = FILE.read_text("utf-8")
    assert whole.count(";\n") == len(texts) > 30
    for text in texts:
        assert f"\n{text};\n" in whole


def test_a_statement_says_what_it_is_and_what_it_is_given() -> None:
    heartbeat = statements()["heartbeat"]
    assert heartbeat.kind == "write"
    assert heartbeat.parameters == ("user_id", "section_id")
    assert "every 30 seconds" in heartbeat.purpose
    assert statements()["newest_courses"].parameters == ()
    assert {one.kind for one in statements().values()} == {"read", "write", "delete"}
    assert all(one.purpose.endswith(".") for one in statements().values())
