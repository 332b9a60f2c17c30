"""An export's file is compared with its manifest: checksum, columns, number of rows."""

import dataclasses
import gzip
from pathlib import Path

import pytest

from lmsschema.errors import LmsschemaError
from lmsschema.partition_manager import manifest as manifests
from lmsschema.partition_manager.manifest import Manifest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of two rows, one of them with a line break in it."""
    made = tmp_path / "events.csv.gz"
    made.write_bytes(gzip.compress(b'id,note\n1,a\n2,"b\nc"\n'))
    return made


def described(path: Path) -> Manifest:
    return Manifest(
        "events",
        "events",
        path.name,
        2,
        None,
        None,
        manifests.checksum(path),
        0,
        ["id", "note"],
        "",
    )


def test_a_file_as_it_was_written_passes(path: Path) -> None:
    manifests.verify(path, described(path))


@pytest.mark.parametrize(
    "change", [{"rows": 3}, {"columns": ["id"]}, {"sha256": "0" * 64}], ids=lambda c: next(iter(c))
)
def test_any_difference_is_an_error(path: Path, change: dict[str, object]) -> None:
    noted = dataclasses.replace(described(path), **change)  # type: ignore[arg-type]  # of one field
    with pytest.raises(LmsschemaError, match=f"2 rows instead of {noted.rows}"):
        manifests.verify(path, noted)
