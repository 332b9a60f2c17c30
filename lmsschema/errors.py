"""The errors that lmsschema raises, each with its exit code and a hint.

The exit codes never change their meaning, since scripts rely on them:
0 done, 1 any other failure, 2 wrong usage, 3 drift or something pending (found by a check),
4 database unavailable or refused, 5 a lock was not obtained in time, 6 refused as unsafe.

This module imports nothing of the package, so that every other module can import it.
"""

from typing import ClassVar


class LmsschemaError(Exception):
    """A failure. The message says what is wrong and where; the hint says what to do next.

    Args:
        message: What is wrong, and where. Never contains a password.
        hint: What the user can do about it; empty if there is nothing to do.
        details: Facts for programs, printed by ``--json``: JSON values under stable keys.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, hint: str = "", details: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}
        if hint:
            self.add_note(f"hint: {hint}")  # shown in tracebacks


class UsageError(LmsschemaError):
    """The command line, a URL or a name in it can't be understood."""

    exit_code = 2


class FindingsError(LmsschemaError):
    """A check found drift or something pending."""

    exit_code = 3


class DatabaseUnavailableError(LmsschemaError):
    """The database can't be reached, or refuses what the command needs."""

    exit_code = 4


class LockTimeoutError(LmsschemaError):
    """A lock was not obtained in time; steps that were completed before stay in place."""

    exit_code = 5


class UnsafeError(LmsschemaError):
    """Refused, because continuing could lose or hide data; nothing was changed."""

    exit_code = 6
