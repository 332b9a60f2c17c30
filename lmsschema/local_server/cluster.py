"""The data folder of a server: created by ``initdb``, and checked before use."""

import contextlib
import locale
import os
import shutil
import signal
import tempfile
from pathlib import Path

from lmsschema.deadline import Deadline
from lmsschema.errors import DatabaseUnavailableError, UnsafeError
from lmsschema.local_server import account as accounts
from lmsschema.local_server import log
from lmsschema.local_server import programs as binaries
from lmsschema.local_server.account import Account
from lmsschema.local_server.process import SUPERUSER

_HALF_MADE = ".data-"


def create(
    data: Path,
    programs: Path,
    account: Account | None,
    *,
    database: str | None,
    durable: bool,
    lock: int,
    deadline: Deadline,
) -> None:
    """Create the data folder under another name, then rename it, so that it is never incomplete.

    Args:
        data: The folder to create.
        programs: The folder of PostgreSQL's programs.
        account: The folder's owner; None for the caller's own account.
        database: A database to create in it, or None.
        durable: Whether it must survive a power failure.
        lock: File descriptor of the lock that the caller holds. ``initdb`` inherits it, so that no
            other process begins while ``initdb`` runs, even if the caller is killed.
        deadline: When to give up.

    Raises:
        DatabaseUnavailableError: One of the programs failed. Nothing is left behind.
    """
    folder = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=data.parent))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    initdb = [programs / "initdb", "-D", folder]
    steps = [([*initdb, *_options(binaries.version(programs)[0])], "")]
    if database is not None:
        single = [programs / "postgres", "--single", "-D", folder, "-F", "-c"]
        statement = f'CREATE DATABASE "{database}"\n'
        steps.append(([*single, "exit_on_error=true", "template1"], statement))
    if durable:
        steps.append(([*initdb, "--sync-only"], ""))
    try:
        for argv, stdin in steps:
            left = max(1.0, deadline.left)
            done = accounts.run(
                argv, account, folder=Path("/"), timeout=left, stdin=stdin, keep=[lock]
            )
            _check(done.returncode, done.stdout, data)
        folder.rename(data)
        if durable:
            _sync(data.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # the next start removes what is left
        raise


def remove_half_made(home: Path) -> None:
    """Remove incomplete folders of killed processes, whose lock the caller holds."""
    for folder in home.glob(f"{_HALF_MADE}*"):
        shutil.rmtree(folder)


def remove(data: Path) -> None:
    """Remove the data folder. It is renamed first, so that a rest counts as incomplete."""
    if data.is_dir():
        doomed = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=data.parent))
        data.rename(doomed)
    remove_half_made(data.parent)


def check_version(data: Path, programs: Path) -> None:
    """Check that the data folder was created by the programs' major version.

    Args:
        data: The data folder.
        programs: The folder of PostgreSQL's programs.

    Raises:
        DatabaseUnavailableError: Another major version created it.
        UnsafeError: It is not a data folder.
    """
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise UnsafeError(
            f"{data} is not a data folder of PostgreSQL",
            hint="Nothing was changed. Choose another folder for the server.",
        ) from None
    major, version = binaries.version(programs)
    if made_by != str(major):
        raise DatabaseUnavailableError(
            f"the data in {data} was created by PostgreSQL {made_by}, but the installed version is"
            f" {version}",
            hint=f"Install PostgreSQL {made_by} again and dump the database with its pg_dump;"
            f" then restore the dump into a server of PostgreSQL {major} in another folder.",
        )


def _check(code: int, output: str, data: Path) -> None:
    """Raise an error with a program's output if it failed."""
    if code:
        end = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise DatabaseUnavailableError(
            f"the server in {data.parent} could not be created ({end}):{log.indented(output)}",
            hint="Nothing was left behind. Fix the cause, then try again.",
        )


def _options(major: int) -> list[str]:
    """Return initdb's options, which don't depend on the machine's locale."""
    options = ["-U", SUPERUSER, "-E", "UTF8", "--locale=C", f"--lc-ctype={_ctype()}"]
    options += ["--auth-local=trust", "--auth-host=reject", "--no-sync"]
    if major >= 17:  # noqa: PLR2004  the first version with a built-in UTF-8 locale
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _ctype() -> str:
    """Return the machine's locale that classifies UTF-8 letters, which text search needs."""
    before = locale.setlocale(locale.LC_CTYPE)
    for name in ("C.UTF-8", "UTF-8"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)
            locale.setlocale(locale.LC_CTYPE, before)
            return name
    return "C"


def _sync(folder: Path) -> None:
    """Write a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
