"""Runs squawk and sqlfluff on a script."""

import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lmsschema.errors import LmsschemaError
from lmsschema.lint.rules import LexedStatement

if TYPE_CHECKING:
    from sqlfluff.core.parser import BaseSegment

INSTALL = 'pip install "lmsschema[lint]"'

#: squawk's rules that are turned off, each with the reason.
SQUAWK_OFF = {
    "ban-drop-default": "DropDefaults is asked for: NULL where nothing was measured",
    "prefer-bigint-over-int": "the guide says INTEGER: minutes, seconds and counts of a learner",
    "prefer-robust-stmts": "IF NOT EXISTS keeps what is incomplete; a rerun starts at a revision",
    "prefer-text-field": "the guide says VARCHAR(n)",
    "require-lock-timeout": "every transaction of lmsschema has one",
    "require-statement-timeout": "it would cancel a long build near its end; locks have a limit",
}

_OLDEST_SERVER = "15.0"
_FOUND_SOMETHING = 1
_UNREADABLE = frozenset({"PRS", "LXR"})  # sqlfluff's codes for SQL that it could not parse
_TIMEOUT = 60  # seconds; usually it takes less than one


@dataclasses.dataclass(frozen=True)
class Remark:
    """A linter's message about a line, from 1."""

    line: int
    rule: str
    message: str
    help: str


def squawk(script: str) -> list[Remark]:
    """Return squawk's remarks: locks that are held too long, data that is lost.

    Args:
        script: A whole revision with its transaction, so that squawk knows which tables are new.

    Raises:
        LmsschemaError: It is not installed, or failed.
    """
    argv = [
        str(squawk_program()),
        *("--config", os.devnull),  # not a configuration in a folder above
        *("--pg-version", _OLDEST_SERVER),
        *("--exclude", ",".join(SQUAWK_OFF)),
        *("--reporter", "json"),
    ]
    try:
        done = subprocess.run(
            argv,
            input=script,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LmsschemaError(f"squawk has not ended after {_TIMEOUT} s") from error
    if done.returncode not in {0, _FOUND_SOMETHING} or not done.stdout.startswith("["):
        raise LmsschemaError(f"squawk failed: {done.stderr.strip() or done.stdout.strip()}")
    return [
        Remark(
            one["line"] + 1,
            one["rule_name"],
            one["message"],
            one["help"] or f"See https://squawkhq.com/docs/{one['rule_name']}",
        )
        for one in json.loads(done.stdout)
    ]


def sqlfluff(script: str, config: Path | None) -> tuple[list[Remark], list[LexedStatement]]:
    """Return sqlfluff's remarks about the SQL's layout, and the statements, split into words.

    Args:
        script: SQL.
        config: The file with sqlfluff's configuration; None: the layout is not checked.

    Raises:
        LmsschemaError: It is not installed, or could not split the script into words.
    """
    try:
        from sqlfluff.core import FluffConfig, Linter
    except ImportError as error:
        raise _missing("sqlfluff") from error
    if config is None:
        settings = FluffConfig(overrides={"dialect": "postgres", "large_file_skip_byte_limit": 0})
    else:
        settings = FluffConfig.from_root(extra_config_path=str(config), ignore_local_config=True)
    linted = Linter(config=settings).lint_string(script)
    if linted.tree is None:
        raise LmsschemaError("sqlfluff could not read the script")
    remarks = [
        Remark(one.line_no, one.rule_code(), one.desc(), _sqlfluff_help(one.rule_code()))
        for one in linted.get_violations()
        if config is not None or one.rule_code() in _UNREADABLE
    ]
    return remarks, list(_statements(linted.tree))


def _statements(tree: "BaseSegment") -> Iterator[LexedStatement]:
    """Yield the statements of a parsed script, comments with the statement that follows them."""
    line = 0
    words: list[str] = []
    comments: list[str] = []
    for segment in tree.raw_segments:
        if segment.is_comment:
            comments.append(segment.raw)
        elif segment.is_code and segment.raw == ";":
            yield LexedStatement(line, tuple(words), tuple(comments))
            words, comments = [], []
        elif segment.is_code and segment.raw:
            if not words:
                line = segment.pos_marker.working_line_no
            words.append(segment.raw)
    if words:
        yield LexedStatement(line, tuple(words), tuple(comments))


def squawk_program() -> Path:
    """Return squawk's program, the only content of its package."""
    try:
        files = metadata.distribution("squawk-cli").files or []
    except metadata.PackageNotFoundError as error:
        raise _missing("squawk-cli") from error
    for file in files:
        if file.stem == "squawk" and file.suffix in {"", ".exe"}:
            program = Path(str(file.locate()))
            if program.is_file():
                return program
    raise _missing("squawk-cli")


def _missing(package: str) -> LmsschemaError:
    return LmsschemaError(f"lint needs {package}, which is not installed", hint=INSTALL)


def _sqlfluff_help(rule: str) -> str:
    if rule in _UNREADABLE:
        return "If PostgreSQL accepts it, add: -- noqa: PRS"
    return f"See: sqlfluff rules (rule {rule})"
