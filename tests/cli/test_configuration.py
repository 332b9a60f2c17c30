"""The configuration file: what is typed every time."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from lmsschema.database import configuration
from lmsschema.database.target import resolve
from lmsschema.errors import UsageError
from tests.support.program import Program, clean_environment


def written(folder: Path, text: str, name: str = "lmsschema.toml") -> dict[str, str]:
    (folder / name).write_text(text)
    return {"LMSSCHEMA_CONFIG": str(folder / name)}


def test_the_command_line_over_the_environment_over_the_file(tmp_path: Path) -> None:
    env = written(tmp_path, 'service = "campus"\nschema = "north"')
    configured = configuration.read(env)
    found = resolve(None, None, env, configured)
    assert (found and found.parameters()["service"]) == "campus"
    found = resolve(None, None, env | {"DATABASE_URL": "service=b"}, configured)
    assert (found and found.parameters()["service"]) == "b"
    found = resolve("service=a", None, env | {"DATABASE_URL": "service=b"}, configured)
    assert (found and found.parameters()["service"]) == "a"


def test_what_is_typed_every_time(lmsschema: Program, database_url: str, tmp_path: Path) -> None:
    text = (
        'url-env = "CAMPUS"\nschema = "Campus"\nignore = ["extra_*"]\nahead = 5\nretention = "9y"'
    )
    env = written(tmp_path, text) | {"CAMPUS": database_url}
    made = lmsschema("upgrade", "--json", env=env)
    assert made.code == 0, made.err
    assert made.json["schema"] == "Campus"
    there = ("--url", database_url, "--schema", "Campus")
    before = lmsschema("partitions", "list", "--json", *there).json
    assert lmsschema("partitions", "ensure", env=env).code == 0
    after = lmsschema("partitions", "list", "--json", *there).json
    grown = len(after["tables"][0]["partitions"]) - len(before["tables"][0]["partitions"])
    assert grown == 2
    assert lmsschema("partitions", "prune", "--dry-run", env=env).code == 0
    other = lmsschema("current", "--schema", "public", "--json", env=env)
    assert other.json["schema"] == "public"
    with psycopg.connect(database_url) as conn:
        conn.execute('CREATE TABLE "Campus".extra_one ()')
    assert lmsschema("check", "--strict", env=env).code == 0
    assert lmsschema("check", "--strict", "--ignore", "no_*", env=env).code == 3


def test_further_partitioned_tables(lmsschema: Program, upgraded_url: str, tmp_path: Path) -> None:
    with psycopg.connect(upgraded_url) as conn:
        conn.execute(
            "CREATE TABLE audit_log (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at)"
        )
    env = written(tmp_path, '[tables.audit_log]\nkey = "at"\ninterval = "day"\nahead = 2')
    there = ("--url", upgraded_url)
    assert lmsschema("partitions", "ensure", *there, env=env).code == 0
    listed = lmsschema("partitions", "list", "--json", *there, env=env).json["tables"]
    of_it = {table["table"]: table["partitions"] for table in listed}["audit_log"]
    assert len(of_it) == 4
    assert lmsschema("partitions", "check", *there, env=env).code == 0
    assert lmsschema("partitions", "heal", *there, env=env).code == 0
    prune = ("partitions", "prune", "--table", "audit_log", "--keep", "30d", *there)
    assert lmsschema(*prune, env=env).code == 0
    assert lmsschema(*prune).code == 2
    assert lmsschema("check", *there).code == 0


@pytest.mark.parametrize("name", ["lmsschema.toml", "pyproject.toml"])
def test_it_is_found_in_the_current_folder(tmp_path: Path, name: str) -> None:
    head = "" if name == "lmsschema.toml" else "[tool.lmsschema]\n"
    written(tmp_path, f'{head}url-env = "NOT_SET"', name)
    done = subprocess.run(
        [sys.executable, "-m", "lmsschema", "current"],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"NOT_SET (named by {name}) is empty" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "postgresql://ann:s3cret@h/lms"', "url may contain a secret"),
        ('service = "postgresql://ann:s3cret@h/lms"', "service may contain a secret"),
        ('password = "s3cret"', "password may contain a secret"),
        ('shcema = "s3cret"', "unknown key shcema"),
        ("schema = 3", "schema must be a string"),
        ("ahead = true", "ahead must be a number"),
        ("ignore = [1]", "ignore must be an array of strings"),
        ("ahead = ", "can't be read as TOML"),
        ('service = "a"\nurl-env = "B"', "names the database twice"),
        ("tables.audit_log.ahead = 3", "tables.audit_log has no partition key"),
        ('tables.a = {key = "at", interval = "hour"}', "tables.a.interval must be one of month"),
        ('tables.audit_log.kye = "at"', "tables.audit_log has no partition key"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        configuration.read(written(tmp_path, text))
    assert said in refused.value.message
    assert "s3cret" not in refused.value.message + refused.value.hint


def test_a_file_that_is_named_and_not_there_is_wrong_usage(lmsschema: Program) -> None:
    assert lmsschema("history", env={"LMSSCHEMA_CONFIG": "/nowhere/lms.toml"}).code == 2


def test_without_a_file_none_is_read() -> None:
    script = (
        "import sys; from lmsschema.__main__ import main; main(['history']);"
        "sys.exit(repr('tomllib' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == "False"
