"""The account of the operating system that runs a server: PostgreSQL refuses to run as root."""

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

#: Accounts that root may run a server as, the best first.
PREFERRED = ("postgres", "nobody")

#: A server and its tools need no more; secrets in the caller's environment are not for them.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """An account other than our own, which only root can run programs as."""

    name: str
    uid: int
    gid: int


def of_server(data: Path) -> Account | None:
    """Return the account that runs the server of ``data``; None if that is our own.

    As root it is the owner of the data, so that a server stays with the account that made it;
    for data yet to be made ``postgres``, else ``nobody``.

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
            hint="Give it back to the account that made it.",
        ) from None
    if owner.pw_uid == 0:
        raise DatabaseUnavailableError(
            f"{data} belongs to root, and PostgreSQL refuses to run as root",
            hint=f"Give it to one that may: chown -R {_preferred().pw_name} '{data}'",
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
    """Run a program as the account and return what it printed; its exit code is the caller's.

    It runs in a session of its own, out of reach of the terminal's Ctrl-C, with a bare
    environment and no group but the account's own.

    Args:
        argv: The program and its arguments.
        account: Whom to run it as; None for ourselves.
        folder: Where to run it; the account must be able to enter it.
        timeout: Seconds until it is killed.
        stdin: What it reads.
        keep: Descriptors that it inherits.

    Raises:
        DatabaseUnavailableError: We may not run anything as that account.
        OSError: The account can't run this program.
        subprocess.TimeoutExpired: It did not end in time.
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
                f"this root may not run programs as {account.name}: {error.strerror}",
                hint="A container needs the capabilities SETUID and SETGID, and that account in its"
                " user namespace; or use another account than root.",
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
    """Return the outermost folder on the way to ``folder`` that the account can't enter, or None.

    The kernel is asked, not the mode bits: an access list or a mount may forbid what they allow.
    """
    script = 'for d; do cd "$d" 2>/dev/null || { printf %s "$d"; exit 1; }; done'
    argv = ["/bin/sh", "-c", script, "sh", *reversed(folder.parents), folder]
    done = run(argv, account, folder=Path("/"), timeout=10)
    return Path(done.stdout) if done.returncode else None


def can_read(paths: Sequence[Path], account: Account | None) -> bool:
    """Say whether the account can read every one of these files."""
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
        hint="Make one (useradd --system postgres), or use another account than root.",
    )
