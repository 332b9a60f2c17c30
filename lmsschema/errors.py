"""Every error that lmsschema raises on purpose, with its exit code and its hint.

The exit codes never change meaning; scripts build on them:
0 done, 1 any other failure, 2 wrong usage, 3 drift or something pending (found by a check),
4 database unavailable or refused, 5 a lock was not obtained in time, 6 refused as unsafe.

This module imports nothing, so that every other one can import it.
"""

from typing import ClassVar


class LmsschemaError(Exception):
    """Something failed; the message says what and where, the hint what to do next.

    Args:
        message: What is wrong, and where. Never contains a password.
        hint: What the user can do about it; empty where nothing helps.
        details: Facts for programs (``--json``): JSON values under stable keys.
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
            self.add_note(f"hint: {hint}")  # for whoever sees a traceback: a test's, or a caller's


class UsageError(LmsschemaError):
    """The command line, a URL or a name in it can't be understood."""

    exit_code = 2


class FindingsError(LmsschemaError):
    """A check found drift or something pending."""

    exit_code = 3


class DatabaseUnavailableError(LmsschemaError):
    """The database can't be reached, or refuses what is needed of it."""

    exit_code = 4


class LockTimeoutError(LmsschemaError):
    """A lock was not obtained in time; what was done so far is in place."""

    exit_code = 5


class UnsafeError(LmsschemaError):
    """Refused, because going on could lose or hide data; nothing was changed."""

    exit_code = 6
