"""What lint finds, and what it leaves alone: each case goes through the real linters."""

import re
from pathlib import Path

import pytest

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.lint import scripts, tools

NEW_TABLE = "CREATE TABLE badges (id UUID CONSTRAINT badges_pkey PRIMARY KEY, title TEXT NOT NULL);"
LONG = "idx_badges_" + "x" * 53
ACCENTED = "idx_" + "é" * 30


def rules(tmp_path: Path, script: str) -> list[tuple[int, str]]:
    """Return the line and the rule of each finding in a script."""
    file = tmp_path / "script.sql"
    file.write_text(script + "\n")
    _, found = scripts.run([file])
    return [(one.sql_line, f"{one.linter}:{one.rule}") for one in found]


def in_transaction(*statements: str) -> str:
    """Return a script as a revision's: its statements begin on line 2."""
    return "\n".join(["BEGIN;", *statements, "COMMIT;"])


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "CREATE TABLE learning_events_2031_01 PARTITION OF learning_events DEFAULT;",
            "lmsschema:partition-of",
        ),
        ("UPDATE users SET role = 'student';", "lmsschema:unbatched-write"),
        ("UPDATE ONLY users SET role = 'student'\nWHERE TRUE;", "lmsschema:unbatched-write"),
        ("DELETE FROM campus.users;", "lmsschema:unbatched-write"),
        (
            "WITH gone AS (DELETE FROM users RETURNING id) SELECT id FROM gone;",
            "lmsschema:unbatched-write",
        ),
        (
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_name ON users (username);",
            "lmsschema:concurrently-if-not-exists",
        ),
        (f"CREATE INDEX {LONG} ON badges (title);", "lmsschema:name-too-long"),
        (f"CREATE TYPE \"{ACCENTED}\" AS ENUM ('a');", "lmsschema:name-too-long"),
        ("ALTER TABLE users RENAME COLUMN email TO mail;", "squawk:renaming-column"),
        ("ALTER TABLE users ALTER COLUMN email TYPE TEXT;", "squawk:changing-column-type"),
        (
            "CREATE INDEX idx_users_name ON users (username);",
            "squawk:require-concurrent-index-creation",
        ),
        (
            "ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (email <> '');",
            "squawk:constraint-missing-not-valid",
        ),
        ("DROP TABLE users;", "squawk:ban-drop-table"),
        ("ALTER TABLE users ADD COLUMN nick text;", "sqlfluff:CP05"),
        ("CREATE TALBE oops ();", "sqlfluff:PRS"),
    ],
)
def test_what_harms_is_found_on_its_line(tmp_path: Path, statement: str, rule: str) -> None:
    assert (2, rule) in rules(tmp_path, in_transaction(statement))


def test_a_second_statement_outside_a_transaction_is_found(tmp_path: Path) -> None:
    script = (
        "CREATE INDEX CONCURRENTLY idx_one ON users (username);\n"
        "DROP INDEX CONCURRENTLY idx_users_role;\n"
        "VACUUM users;"
    )
    found = rules(tmp_path, script)
    assert (1, "lmsschema:second-non-transactional") not in found
    assert (2, "lmsschema:second-non-transactional") in found
    assert (3, "lmsschema:second-non-transactional") in found


@pytest.mark.parametrize(
    "statements",
    [
        (NEW_TABLE, "CREATE INDEX idx_badges_title ON badges (title);"),
        (NEW_TABLE, "UPDATE badges SET title = upper(title);"),
        (NEW_TABLE, "ALTER TABLE badges ADD CONSTRAINT badges_check CHECK (title <> '');"),
        ("CREATE INDEX idx_learning_events_lesson ON ONLY learning_events (lesson_id);",),
        (f"CREATE INDEX {LONG[:63]} ON ONLY learning_events (lesson_id);",),
        ("COMMENT ON TABLE users IS 'UPDATE users; PARTITION OF; DELETE FROM users;';",),
        ("-- DELETE FROM users", "SELECT 1 AS one;"),
        ("SELECT id FROM users", "LIMIT 1", "FOR UPDATE;"),
        (
            "DELETE FROM users",
            "WHERE id IN (",
            "    SELECT u.id FROM users AS u",
            "    LIMIT 1000",
            ");",
        ),
        ("UPDATE users SET role = 'student' -- lint: ignore unbatched-write: a dozen rows", ";"),
    ],
)
def test_what_is_harmless_is_left_alone(tmp_path: Path, statements: tuple[str, ...]) -> None:
    found = {rule for _, rule in rules(tmp_path, in_transaction(*statements))}
    # how it is laid out, and that LIMIT wants an order
    form = {rule for rule in found if re.match("sqlfluff:(AM|CV|LT)", rule)}
    assert found - form == set()


def test_a_rule_is_not_ignored_without_a_reason(tmp_path: Path) -> None:
    statement = "UPDATE users SET role = 'student' -- lint: ignore unbatched-write:\n;"
    assert (2, "lmsschema:unbatched-write") in rules(tmp_path, in_transaction(statement))


def test_an_ordinary_table_s_index_needs_concurrently_even_with_only(tmp_path: Path) -> None:
    found = rules(tmp_path, in_transaction("CREATE INDEX idx_x ON ONLY users (username);"))
    assert (2, "squawk:require-concurrent-index-creation") in found


def test_a_finding_names_the_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "change.sql"
    file.write_text("BEGIN;\n\nUPDATE users SET role = 'student';\nCOMMIT;\n")
    _, [found] = scripts.run([file])
    assert (found.file, found.line, found.text) == (
        str(file),
        3,
        "UPDATE users SET role = 'student';",
    )


def test_a_long_script_is_read_to_its_end(tmp_path: Path) -> None:
    many = [f"COMMENT ON COLUMN users.role IS 'remark {number}';" for number in range(600)]
    script = in_transaction(*many, "DELETE FROM users;")
    assert len(script) > 20_000
    assert rules(tmp_path, script) == [(602, "lmsschema:unbatched-write")]


def test_a_python_file_that_is_no_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be written as SQL"):
        scripts.run([tmp_path / "0001_foundation.py"])
    with pytest.raises(UsageError, match="can't be read"):
        scripts.run([tmp_path / "absent.sql"])


def test_a_linter_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(LmsschemaError, match="squawk-cli") as refusal:
        tools.squawk("SELECT 1")
    assert refusal.value.hint == 'pip install "lmsschema[lint]"'
    assert refusal.value.exit_code == 1


@pytest.mark.parametrize("rule", tools.SQUAWK_OFF)
def test_every_rule_that_is_off_is_one_of_squawk_s(rule: str) -> None:
    assert re.search(rule.encode(), tools.squawk_program().read_bytes())
