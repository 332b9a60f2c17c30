"""The manifest of an export: what its file holds, written beside it and compared with it."""

import csv
import dataclasses
import gzip
import hashlib
import json
import os
from pathlib import Path

from lmsschema.errors import LmsschemaError

#: Bytes of a file that are read at once.
CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What an export holds; written beside it as JSON.

    Attributes:
        table: The table that was exported.
        partition_of: The table that it was a partition of.
        file: The file's name: CSV with a header, gzip.
        rows: Rows in it.
        first: The earliest partition key in it, as text; None: no row.
        last: The latest.
        sha256: Checksum of the file.
        bytes: Its size.
        columns: Its columns, in order; those that are generated are not in it.
        exported_at: When, by this machine's clock.
        bounds: The bounds that the table had as a partition, as SQL; empty where nothing says so.
    """

    table: str
    partition_of: str
    file: str
    rows: int
    first: str | None
    last: str | None
    sha256: str
    bytes: int
    columns: list[str]
    exported_at: str
    bounds: str = ""


def path_of(path: Path) -> Path:
    """Return the name of an export's manifest."""
    return path.with_name(f"{path.name.removesuffix('.csv.gz')}.json")


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        OSError: There is none, or it can't be read.
        ValueError: It is no JSON.
        TypeError: It has other keys.
    """
    return Manifest(**json.loads(path.read_text(encoding="utf-8")))


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(dataclasses.asdict(manifest), stream, indent=2)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(path)


def verify(path: Path, manifest: Manifest) -> None:
    """Read a file again and compare it with its manifest.

    Raises:
        LmsschemaError: Checksum, columns or number of rows differ.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        rows = sum(1 for _ in reader)
    if checksum(path) != manifest.sha256 or header != manifest.columns or rows != manifest.rows:
        raise LmsschemaError(
            f"the export {path} is not what was read from {manifest.table}: "
            f"{rows} rows instead of {manifest.rows}, or another checksum",
            hint="Nothing was dropped. Is the disk full or failing?",
        )


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Have the folder's names on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
