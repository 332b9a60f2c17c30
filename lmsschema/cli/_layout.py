"""How results are laid out for a terminal: tables, prose and SQL that break between words.

Elsewhere (a pipe, a file) lines are not broken: another program reads them.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence

import click

#: What of a statement must stay on one line: texts, quoted names, words.
_WHOLE = re.compile(r"""(?:'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|[^\s'"])+""", re.DOTALL)

_NARROWEST = 40


def width() -> int | None:
    """Return how many characters a line has on the terminal; None where there is none."""
    if not sys.stdout.isatty():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def prose(text: str, first: str = "", indent: str = "") -> list[str]:
    """Return a text as lines, broken between words.

    Args:
        text: What is said.
        first: What the first line begins with.
        indent: What the others begin with.
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
    """Return a script whose comments are broken between words; its statements stay as they are."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("-- "):
            lines += prose(line, "", "--   ")
        else:
            lines.append(line)
    return "\n".join(lines)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()
) -> list[str]:
    """Return rows as a table; a column in which no row has anything is left out.

    Args:
        head: The columns' names.
        rows: The cells.
        numbers: The columns that stand flush right.
    """
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    widths = {i: max(len(row[i]) for row in (head, *rows)) for i in kept}

    def line(row: Sequence[str]) -> str:
        cells = (row[i].rjust(widths[i]) if i in numbers else row[i].ljust(widths[i]) for i in kept)
        return "  ".join(cells).rstrip()

    return [line(row) for row in (head, *rows)]


def _filled(words: Sequence[str], first: str, indent: str) -> Iterator[str]:
    """Yield lines of the words, as many in each as fit."""
    limit = width()
    line = first + (words[0] if words else "")
    for word in words[1:]:
        if limit is not None and len(click.unstyle(line)) + 1 + len(word) > limit:
            yield line
            line = indent + word
        else:
            line = f"{line} {word}"
    yield line
