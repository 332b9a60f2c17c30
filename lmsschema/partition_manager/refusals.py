"""What was refused of a run's partitions: each is handled by itself, and told at the end."""

import contextlib
from collections.abc import Iterator

from psycopg import errors

from lmsschema.errors import (
    DatabaseUnavailableError,
    LmsschemaError,
    LockTimeoutError,
    UnsafeError,
)


class Refusals:
    """The errors of single partitions; the others are handled nevertheless."""

    def __init__(self) -> None:
        self.errors: list[LmsschemaError] = []

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep an error for the end, unless it is the whole run's: no connection, no lock."""
        try:
            yield
        except LockTimeoutError:
            raise
        except LmsschemaError as error:
            no_right = error.details.get("sqlstate") == errors.InsufficientPrivilege.sqlstate
            if isinstance(error, DatabaseUnavailableError) and not no_right:
                raise
            self.errors.append(error)

    def raise_any(self, **details: object) -> None:
        """Raise what was kept, as :meth:`error` says it."""
        error = self.error(**details)
        if error is not None:
            raise error

    def error(self, **details: object) -> LmsschemaError | None:
        """Return what was kept as one error; exit code 6 if any of it was refused as unsafe.

        Args:
            details: What was done in spite of it, for programs.
        """
        if not self.errors:
            return None
        unsafe = [error for error in self.errors if isinstance(error, UnsafeError)]
        kind = UnsafeError if unsafe else type(self.errors[0])
        return kind(
            "\n".join(error.message for error in self.errors),
            hint="\n".join(dict.fromkeys(error.hint for error in self.errors if error.hint)),
            details={
                **{key: value for error in self.errors for key, value in error.details.items()},
                **details,
                "refused": [
                    {"message": error.message, "hint": error.hint} for error in self.errors
                ],
            },
        )
