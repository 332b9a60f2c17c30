"""What a command hands down: the database, how long locks are waited for, whom to tell."""

import dataclasses
import time
from collections.abc import Callable
from typing import TypeAlias

from lmsschema.database.connection import Database


@dataclasses.dataclass(frozen=True)
class Progress:
    """What goes on; ``str`` of it is the line for people.

    Attributes:
        what: The same in words.
        done: How much of it is done.
        total: How much there is; 0 while nobody knows.
        single: Whether this is told once, and not again with other figures.
    """

    what: str
    done: int = 0
    total: int = 0
    single: bool = False

    def __str__(self) -> str:
        share = self.total and not self.single
        return f"{self.what}, {100 * self.done // self.total} %" if share else self.what


Tell: TypeAlias = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Tell nobody."""


def in_lines(say: Callable[[str], None]) -> Tell:
    """Return what tells progress to somebody who takes lines of text."""
    return lambda progress: say(str(progress))


def paced(tell: Tell, seconds: float) -> Tell:
    """Return what tells progress that has a total no more often than once in some seconds.

    What has none is always told, and so is the end of what was told in part.
    """
    last = float("-inf")
    partial = False

    def told(progress: Progress) -> None:
        nonlocal last, partial
        is_end = progress.done >= progress.total
        if progress.total and not (partial if is_end else time.monotonic() - last >= seconds):
            return
        partial = not is_end
        last = time.monotonic()
        tell(progress)

    return told


@dataclasses.dataclass(frozen=True)
class Patience:
    """How a step waits for its locks; times in seconds.

    Args:
        total: How long a step is tried in all before it is given up.
        first: The first attempt's wait for a lock; each further attempt waits twice as long.
        longest: The longest wait of an attempt for its first lock; all others together are waited
            for twice as long at most, and less than deadlock_timeout.
        quiet: The longest wait of what nobody queues behind: an index built CONCURRENTLY, a
            constraint that is validated.
    """

    total: float = 60.0
    first: float = 0.05
    longest: float = 0.8
    quiet: float = 600.0


DEFAULT_PATIENCE = Patience()


@dataclasses.dataclass(frozen=True)
class Context:
    """What every operation that locks tables is given.

    Attributes:
        database: Where; opened and closed by whoever made this.
        patience: How long locks are waited for.
        tell: Told what is done, what is waited for, and who blocks it.
    """

    database: Database
    patience: Patience = DEFAULT_PATIENCE
    tell: Tell = silent
