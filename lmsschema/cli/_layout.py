"""Layout of results on a terminal: tables, prose and SQL, wrapped between words.

In a pipe or a file lines are not wrapped, since another program may read them.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence

import click

#: Parts of a statement that must stay on one line: string constants, quoted names, words.
_WHOLE = re.compile(r"""(?:'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|[^\s'"])+""", re.DOTALL)

#: A comment, or a quoted text or name.
_QUOTED = re.compile(r"""--[^\n]*|'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$""", re.DOTALL)

_NARROWEST = 40

_UNITS = ("B", "kB", "MB", "GB", "TB")


def width() -> int | None:
    """Return the terminal's width in characters; None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def prose(text: str, first: str = "", indent: str = "") -> list[str]:
    """Return a text as lines, wrapped between words.

    Args:
        text: The text.
        first: The beginning of the first line.
        indent: The beginning of the other lines.
    """
    return list(_filled(text.split(" "), first, indent))


def statement(text: str, indent: str = "") -> list[str]:
    """Return SQL as lines, broken between words and never in a quoted text; a comment stays whole.

    What is broken remains the same statement.
    """
    lines: list[str] = []
    for line in text.splitlines():
        if "--" in line or width() is None:
            lines.append(indent + line)
            continue
        words = [found[0] for found in _WHOLE.finditer(line)]
        begin = indent + line[: len(line) - len(line.lstrip())]
        lines += _filled(words, begin, begin + "  ")
    return lines


def script(text: str) -> str:
    """Return a script with comments and statements broken between words.

    Lines of a quoted text or a comment that continues on further lines stay as they are.
    """
    whole: set[int] = set()
    for found in _QUOTED.finditer(text):
        first = text.count("\n", 0, found.start())
        if further := found[0].count("\n"):
            whole.update(range(first, first + further + 1))
    lines: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if number in whole:
            lines.append(line)
        elif line.startswith("-- "):
            lines += prose(line, "", "--   ")
        else:
            lines += statement(line) or [""]
    return "\n".join(lines)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()
) -> list[str]:
    """Return rows as a table without the columns that are empty in every row.

    If a row does not fit the terminal, each first cell is on a line of its own, with the others
    below it.

    Args:
        head: The columns' names.
        rows: The cells.
        numbers: The positions of the columns that are aligned right.
    """
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    widths = {i: max(len(row[i]) for row in (head, *rows)) for i in kept}

    def line(row: Sequence[str], columns: Sequence[int]) -> str:
        cells = (
            row[i].rjust(widths[i]) if i in numbers else row[i].ljust(widths[i]) for i in columns
        )
        return "  ".join(cells).rstrip()

    lines = [line(row, kept) for row in (head, *rows)]
    limit = width()
    if limit is None or max(map(len, lines)) <= limit:
        return lines
    first, *others = kept
    return [f"{row[first]}\n{line(row, others)}" for row in (head, *rows)]


def size(count: float) -> str:
    """Return a number of bytes in the largest unit that it has one of."""
    for unit in _UNITS:
        if count < 1024 or unit == _UNITS[-1]:  # noqa: PLR2004  bytes of a kilobyte
            break
        count /= 1024
    return f"{count:.0f} {unit}"


def _filled(words: Sequence[str], first: str, indent: str) -> Iterator[str]:
    """Yield lines, each with as many of the words as fit."""
    limit = width()
    line = first + (words[0] if words else "")
    for word in words[1:]:
        if limit is not None and len(click.unstyle(line)) + 1 + len(word) > limit:
            yield line
            line = indent + word
        else:
            line = f"{line} {word}"
    yield line
