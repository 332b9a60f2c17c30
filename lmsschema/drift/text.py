"""Differences in words: one line each."""

import json

from lmsschema.database.catalog import Value
from lmsschema.drift.compare import Difference, Problem

#: Characters of a long definition that are shown around the place where two of them part.
_AROUND = 40
_LONG = 100

MARKS = {
    Problem.MISSING: "-",
    Problem.UNEXPECTED: "+",
    Problem.CHANGED: "~",
    Problem.UNMANAGED: "?",
}


def describe(difference: Difference) -> str:
    """Return the difference in one line, without the table that it is on."""
    return printable(_describe(difference))


def printable(text: str) -> str:
    """Return a text with its control characters escaped, whatever somebody named a table."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _describe(difference: Difference) -> str:
    identity = difference.identity
    what = f"{identity.kind} {identity.name}".rstrip()
    if difference.problem is Problem.MISSING:
        bounds = f": {difference.expected}" if difference.expected is not None else ""
        return f"{what} is missing{bounds}"
    if difference.problem is Problem.UNEXPECTED:
        return f"{what} is not declared"
    if difference.problem is Problem.UNMANAGED and not difference.attribute:
        return what
    expected, found = _shortened(_text(difference.expected), _text(difference.found))
    if difference.problem is Problem.UNMANAGED and difference.attribute != "owner":
        return f"{what}: {difference.attribute} {found}"
    return f"{what}: {difference.attribute}: expected {expected}, found {found}"


def _text(value: Value) -> str:
    """Return a value in one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, str):
        return value.replace("\\", "\\\\") or "''"
    return json.dumps(value)


def _shortened(expected: str, found: str) -> tuple[str, str]:
    """Return two texts, long ones cut down to where they differ."""
    if max(len(expected), len(found)) <= _LONG:
        return expected, found
    start = max(0, _common(expected, found) - _AROUND)
    rest = expected[start:], found[start:]
    common = _common(rest[0][::-1], rest[1][::-1])
    return _cut(rest[0], start, common), _cut(rest[1], start, common)


def _cut(rest: str, start: int, common: int) -> str:
    """Return what is left of a text from ``start`` on, without most of its common end."""
    end = max(0, common - _AROUND)
    return ("..." if start else "") + (rest[:-end] + "..." if end else rest)


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
