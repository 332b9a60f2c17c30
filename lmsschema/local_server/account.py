"""The operating system's account that runs a server, since PostgreSQL refuses to run as root."""

import contextlib
import errno
import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmsschema.errors import DatabaseUnavailableError

#: Accounts to run a server as if the caller is root, in order of preference.
PREFERRED = ("postgres", "nobody")

#: The only variables that a server inherits, so that it sees no secrets of the caller.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """An account other than the caller's; only root can run programs as another account."""

    name: str
    uid: int
    gid: int


def of_server(data: Path) -> Account | None:
    """Return the account that runs the server of ``data``; None if it is the caller's own.

    If the caller is root, it is the owner of the data folder; for a folder that does not exist yet,
    ``postgres`` or else ``nobody``.

    Args:
        data: The data folder.

    Raises:
        DatabaseUnavailableError: The data belongs to an account that can't run a server.
    """
    if os.geteuid() != 0:
        return None
    try:
        owner = pwd.getpwuid(data.stat().st_uid)
    except FileNotFoundError:
        owner = _preferred()
    except KeyError:
        raise DatabaseUnavailableError(
            f"{data} belongs to uid {data.stat().st_uid}, which is not an account of this machine",
            hint="Change its owner to the account that created it.",
        ) from None
    if owner.pw_uid == 0:
        raise DatabaseUnavailableError(
            f"{data} belongs to root, and PostgreSQL refuses to run as root",
            hint=f"Change its owner: chown -R {_preferred().pw_name} '{data}'",
        )
    return Account(owner.pw_name, owner.pw_uid, owner.pw_gid)


def run(
    argv: Sequence[object],
    account: Account | None,
    *,
    folder: Path,
    timeout: float,
    stdin: str = "",
    keep: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program as the account; return its output and exit code, which the caller checks.

    The program runs in its own session, so that the terminal's Ctrl-C does not reach it, with a
    minimal environment and only the account's primary group.

    Args:
        argv: The program and its arguments.
        account: The account to run it as; None for the caller's own.
        folder: The working folder, which the account must be able to enter.
        timeout: Seconds after which the program is killed.
        stdin: Its standard input.
        keep: File descriptors that it inherits.

    Raises:
        DatabaseUnavailableError: The caller may not run programs as that account.
        OSError: The account can't run this program.
        subprocess.TimeoutExpired: The program did not end in time.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        process = subprocess.Popen(
            list(map(str, argv)),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env=kept | _ENVIRONMENT,
            cwd=folder,
            umask=0o077,
            pass_fds=keep,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        if account is not None and error.errno in (errno.EPERM, errno.EINVAL):
            raise DatabaseUnavailableError(
                f"root can't run programs as {account.name} here: {error.strerror}",
                hint="A container needs the capabilities SETUID and SETGID, and that account in its"
                " user namespace. Or use another account than root.",
            ) from error
        raise
    with process:
        try:
            output, _ = process.communicate(stdin, timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def closed_folder(folder: Path, account: Account | None) -> Path | None:
    """Return the topmost folder in the path of ``folder`` that the account can't enter, or None.

    The account tries to enter each folder. Mode bits alone are not reliable, because of access
    control lists and mount options.
    """
    script = 'for d; do cd "$d" 2>/dev/null || { printf %s "$d"; exit 1; }; done'
    argv = ["/bin/sh", "-c", script, "sh", *reversed(folder.parents), folder]
    done = run(argv, account, folder=Path("/"), timeout=10)
    return Path(done.stdout) if done.returncode else None


def can_read(paths: Sequence[Path], account: Account | None) -> bool:
    """Whether the account can read all of these files."""
    script = 'for f; do test -r "$f" || exit 1; done'
    argv = ["/bin/sh", "-c", script, "sh", *paths]
    return run(argv, account, folder=Path("/"), timeout=10).returncode == 0


def _preferred() -> pwd.struct_passwd:
    for name in PREFERRED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseUnavailableError(
        f"root can't run PostgreSQL, and there is no account {' or '.join(PREFERRED)} to run it as",
        hint="Create one (useradd --system postgres), or use another account than root.",
    )
