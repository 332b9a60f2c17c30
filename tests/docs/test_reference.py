"""docs/reference.md says the shape of every JSON object: each command is run, and compared."""

import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.program import Program

PAGE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")
SHAPES = PAGE.partition("\n## `--json`\n")[2].partition("\n## ")[0]

EVERY = "Every object"

#: What a type of the page allows.
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "time": str,
    "object": dict,
    "any": object,
}

#: A key of an object → its type and its meaning; ``steps[].name`` is one of a nested object.
Shape = dict[str, tuple[str, str]]


def shape(heading: str) -> Shape:
    """Return the keys that the page has under a heading, with those of every object."""
    section = SHAPES.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| ?(.*) \|$", section, re.MULTILINE)
    assert rows, heading
    found = {
        key: (kind, meaning) for keys, kind, meaning in rows for key in re.findall(r"`(.+?)`", keys)
    }
    return found if heading == EVERY else shape(EVERY) | found


def compare(data: dict[str, Any], documented: Shape, prefix: str = "") -> None:
    """Assert that an object has the documented keys, of the documented types, all the way down."""
    keys = {
        key.removeprefix(prefix): said
        for key, said in documented.items()
        if key.startswith(prefix) and not re.search(r"[.\[]", key.removeprefix(prefix))
    }
    required = {key for key, said in keys.items() if not re.search(" only|absent", said[1])}
    assert required <= set(data) <= set(keys), prefix
    for key, value in data.items():
        kind = keys[key][0]
        check_type(value, kind, prefix + key)
        if kind == "array of object":
            for one in value:
                compare(one, documented, f"{prefix}{key}[].")
        elif value is not None and any(other.startswith(f"{prefix}{key}.") for other in documented):
            compare(value, documented, f"{prefix}{key}.")


def check_type(value: object, kind: str, key: str) -> None:
    """Assert that a value is of a type as the page says it."""
    if value is None:
        assert kind.endswith(" or null"), key
        return
    kind = kind.removesuffix(" or null")
    if kind.startswith("array of "):
        assert isinstance(value, list), key
        for one in value:
            check_type(one, kind.removeprefix("array of "), key)
        return
    assert isinstance(value, TYPES[kind]), key
    if kind == "time":
        assert datetime.fromisoformat(str(value)).tzinfo, key


@pytest.fixture(scope="module")
def home() -> Iterator[dict[str, str]]:
    """An embedded server's folder, which the account of its server can enter."""
    with tempfile.TemporaryDirectory(prefix="lmsschema-reference-") as name:
        Path(name).chmod(0o755)
        yield {"LMSSCHEMA_HOME": f"{name}/home"}


def test_what_migrates(lmsschema: Program, database_url: str) -> None:
    for arguments in (
        ("plan",),
        ("upgrade", "0003_analytics"),
        ("stamp", "0003_analytics"),
        ("upgrade",),
        ("current",),
        ("downgrade", "0003_analytics"),
        ("history",),
        ("ddl",),
    ):
        where = () if arguments[0] in {"history", "ddl"} else ("--url", database_url)
        outcome = lmsschema(*arguments, *where, "--json")
        assert outcome.code == 0
        compare(outcome.json, shape(f"`{arguments[0]}`"))


def test_rollups(lmsschema: Program, upgraded_url: str) -> None:
    for command, code in (("status", 3), ("run", 0), ("rebuild", 0), ("status", 0)):
        outcome = lmsschema("rollup", command, "--json", "--url", upgraded_url)
        assert outcome.code == code
        compare(outcome.json, shape(f"`rollup {command}`"))


def test_index_profiles(lmsschema: Program, upgraded_url: str, lms_empty_database_url: str) -> None:
    on = ("--json", "--url", upgraded_url)
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12'); UPDATE institutions SET name = 'B'"
        )
    for command, *more in (
        ("indexes show",),
        ("indexes plan", "lean", "--shadow-url", lms_empty_database_url),
        ("indexes set", "lean", "--dry-run"),
        ("upgrade", "--profile", "lean"),
        ("indexes advise",),
        ("indexes set", "faithful"),
    ):
        outcome = lmsschema(*command.split(), *more, *on)
        assert outcome.code == 0, outcome.err
        compare(outcome.json, shape(f"`{command}`"))


def test_a_plan_that_was_measured(
    lmsschema: Program, upgraded_url: str, lms_empty_database_url: str
) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12')"
        )
    assert lmsschema("downgrade", "0006_settings", "--lose-rows", "--url", upgraded_url).code == 0
    shadow = ("--shadow-url", lms_empty_database_url)
    plan = lmsschema("plan", "0007_search", "--json", "--url", upgraded_url, *shadow).json
    assert any(
        lock for step in plan["steps"] for one in step["statements"] for lock in one["locks"]
    )
    compare(plan, shape("`plan`"))


def test_what_compares(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("DROP INDEX idx_users_role")
        conn.execute("ALTER INDEX idx_courses_search RENAME TO search")
        conn.execute("ALTER TABLE users ALTER COLUMN email TYPE text")
        conn.execute("CREATE TABLE theirs ()")
    for arguments in (("check",), ("check", "--sql"), ("adopt", "--dry-run"), ("doctor",)):
        outcome = lmsschema(*arguments, "--url", upgraded_url, "--json")
        assert outcome.code in {0, 3}
        data = outcome.json
        assert data.get("drift") or data.get("differences") or data.get("findings")
        compare(data, shape(f"`{arguments[0]}`"))


def test_tenants(lmsschema: Program, upgraded_url: str) -> None:
    assert lmsschema("upgrade", "--schema", "south", "--url", upgraded_url).code == 0
    with psycopg.connect(upgraded_url) as conn:
        conn.execute("UPDATE lmsschema_version SET version_num = '9999_later'")
        conn.execute("DROP TABLE south.learning_events_default")
        conn.execute("UPDATE south.lmsschema_version SET version_num = '0006_settings'")
    for command, code in (
        ("tenants list", 3),
        ("tenants check", 6),
        ("tenants partitions ensure", 0),
        ("tenants upgrade --allow-hazard unmeasured", 6),
    ):
        outcome = lmsschema(*command.split(), "--url", upgraded_url, "--json")
        assert outcome.code == code, outcome.err
        compare(outcome.json, shape(f"`{command.partition(' --')[0]}`"))


def test_what_manages_partitions(lmsschema: Program, upgraded_url: str, tmp_path: Path) -> None:
    months = ("--from", "2024-01", "--to", "2024-02")
    prune = ("prune", "--keep", "24m")
    for arguments in (
        ("create", *months, "--dry-run"),
        ("create", *months),
        ("ensure",),
        ("ensure", "--repair"),
        ("ensure", "--dry-run", "--as-of", "2040-01-01"),
        ("list",),
        (*prune, "--dry-run"),
        prune,
        ("restore", "learning_events_2024_01"),
        (*prune, "--action", "drop", "--grace", "0d", "--export", str(tmp_path)),
        ("check",),
        ("heal", "--dry-run"),
        ("heal",),
    ):
        outcome = lmsschema("partitions", *arguments, "--url", upgraded_url, "--json")
        assert outcome.code in {0, 3}, outcome.err
        name = f"`partitions {arguments[0]}`"
        if "--dry-run" in arguments and arguments[0] != "heal":
            name = f"`partitions {arguments[0]} --dry-run`"
        compare(outcome.json, shape(name))
        if "--export" in arguments:
            assert outcome.json["exports"]


def test_synthetic_data(lmsschema: Program, upgraded_url: str) -> None:
    for _ in range(2):
        outcome = lmsschema("demo", "--events", "50", "--url", upgraded_url, "--json")
        assert outcome.code == 0
        compare(outcome.json, shape("`demo`"))


def test_reports(lmsschema: Program, upgraded_url: str) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "INSERT INTO institutions (name, domain, education_level)"
            " VALUES ('A', 'a.example', 'k12')"
        )
    for arguments in ((), ("institution-overview", "--url", upgraded_url)):
        outcome = lmsschema("report", *arguments, "--json")
        assert outcome.code == 0
        compare(outcome.json, shape("`report`"))


def test_databases(lmsschema: Program, lms_empty_database_url: str) -> None:
    server = ("--url", lms_empty_database_url, "--json")
    name = "lms_reference_test"
    try:
        compare(lmsschema("createdb", name, *server).json, shape("`createdb`"))
    finally:
        dropped = lmsschema("dropdb", name, "--yes", *server)
    compare(dropped.json, shape("`dropdb`"))


def test_the_embedded_server(lmsschema: Program, home: dict[str, str]) -> None:
    try:
        for command in ("status", "start", "status", "url", "psql", "stop"):
            outcome = lmsschema("local", command, "--json", env=home)
            assert outcome.code in {0, 3}
            compare(outcome.json, shape(f"`local {command}`"))
    finally:
        removed = lmsschema("local", "destroy", "--yes", "--json", env=home)
    compare(removed.json, shape("`local destroy`"))


def test_the_linter(lmsschema: Program, tmp_path: Path) -> None:
    script = tmp_path / "bad.sql"
    script.write_text("DROP TABLE users;\n")
    outcome = lmsschema("lint", str(script), "--json")
    assert outcome.code == 3
    compare(outcome.json, shape("`lint`"))


def test_a_failure(lmsschema: Program, database_url: str) -> None:
    outcome = lmsschema("upgrade", "nonsense", "--url", database_url, "--json")
    assert outcome.code == 2
    compare(outcome.json, shape("A failure"))
