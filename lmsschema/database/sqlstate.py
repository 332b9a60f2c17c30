"""Translation of the driver's errors to lmsschema's, by SQLSTATE and never by message."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors

from lmsschema.database.target import Target
from lmsschema.errors import DatabaseUnavailableError, LmsschemaError, LockTimeoutError


def clean(message: str, target: Target) -> str:
    """Return ``message`` in one line, without the password of ``target``."""
    password = target.password()
    if password:
        message = message.replace(password, "***")
    return " ".join(message.split())


def translate(error: psycopg.Error, target: Target) -> LmsschemaError:
    """Return the lmsschema error for an error of the driver, by its SQLSTATE."""
    message = clean(error.diag.message_primary or str(error), target)
    details: dict[str, object] = {"sqlstate": error.sqlstate}
    if error.diag.message_detail:  # such as the dependent object, or the missing key
        details["detail"] = clean(error.diag.message_detail, target)
        message += f": {details['detail']}"
    if isinstance(error, errors.LockNotAvailable):
        return LockTimeoutError(
            f"a lock was not obtained in time: {message}",
            hint="Nothing was changed by this step. Run the command again.",
            details=details,
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return DatabaseUnavailableError(f"{target} refused: {message}", details=details)
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return DatabaseUnavailableError(f"{target} is read-only: {message}", details=details)
    if isinstance(error, errors.QueryCanceled):
        return DatabaseUnavailableError(
            f"{target} cancelled a statement: {message}",
            hint="A person cancelled it, or the statement_timeout of the role or database did.",
            details=details,
        )
    if error.sqlstate is None or error.sqlstate[:2] in {"08", "57"}:
        return DatabaseUnavailableError(
            f"the connection to {target} ended: {message}",
            hint="Run the command again: it continues where this run stopped.",
            details=details,
        )
    return LmsschemaError(f"{message} (SQLSTATE {error.sqlstate})", details=details)


@contextlib.contextmanager
def translated(target: Target) -> Iterator[None]:
    """Raise the driver's errors as lmsschema's errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, target) from error
