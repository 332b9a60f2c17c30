"""Differences as text, one line each."""

import json

from lmsschema.database.catalog import Value
from lmsschema.drift.compare import Difference, Problem

#: How many characters of a long definition are shown around the place where two definitions differ.
_AROUND = 40
_LONG = 100

MARKS = {
    Problem.MISSING: "-",
    Problem.UNEXPECTED: "+",
    Problem.CHANGED: "~",
    Problem.UNMANAGED: "?",
}


def describe(difference: Difference) -> str:
    """Return the difference in one line, without the name of its table."""
    return printable(_describe(difference))


def printable(text: str) -> str:
    """Return a text with its control characters escaped, since names may contain any character."""
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
    """Return two texts; if one is long, both reduced to the part in which they differ."""
    if max(len(expected), len(found)) <= _LONG:
        return expected, found
    start = max(0, _common(expected, found) - _AROUND)
    rest = expected[start:], found[start:]
    common = _common(rest[0][::-1], rest[1][::-1])
    return _cut(rest[0], start, common), _cut(rest[1], start, common)


def _cut(rest: str, start: int, common: int) -> str:
    """Return the rest of a text with ``...`` for what was left out at its beginning and end."""
    end = max(0, common - _AROUND)
    return ("..." if start else "") + (rest[:-end] + "..." if end else rest)


def _common(one: str, other: str) -> int:
    """Return the number of characters in the common beginning of two texts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
