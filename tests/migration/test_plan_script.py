"""The script that ``plan`` prints, run by psql as it is: it ends at an error and stamps nothing."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from lmsschema.migration import revisions
from lmsschema.testing import binaries
from tests.support.program import Program, clean_environment


def run(url: str, script: Path) -> subprocess.CompletedProcess[str]:
    """Run ``psql -f`` without any option that would make it stop at an error."""
    return subprocess.run(
        [binaries.find(binaries.NEWEST) / "psql", "-X", "-q", "-f", script, url],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def script(lmsschema: Program, database_url: str, tmp_path: Path) -> Path:
    """The script of an upgrade from 0002 to head."""
    assert lmsschema("upgrade", "0002", "--url", database_url).code == 0
    file = tmp_path / "upgrade.sql"
    file.write_text(lmsschema("plan", "--url", database_url).out)
    return file


def test_an_error_ends_it_and_the_version_stays(
    lmsschema: Program, database_url: str, script: Path
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("ALTER TABLE lessons ALTER COLUMN estimated_minutes TYPE text")
    done = run(database_url, script)
    assert done.returncode == 3
    assert done.stderr.count("ERROR:") == 1
    stands = lmsschema("current", "--url", database_url, "--json").json
    assert stands["pending"] == revisions.ids()[3:]
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "ALTER TABLE lessons ALTER COLUMN estimated_minutes TYPE integer"
            " USING estimated_minutes::integer"
        )
    assert lmsschema("upgrade", "--url", database_url).code == 0
    assert lmsschema("check", "--url", database_url).code == 0


def test_it_waits_for_a_lock_no_longer_than_upgrade(
    lmsschema: Program, database_url: str, script: Path
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        done = run(database_url, script)
    assert done.returncode == 3
    assert "lock timeout" in done.stderr
    assert lmsschema("current", "--url", database_url, "--json").json["pending"]
    assert lmsschema("upgrade", "--url", database_url).code == 0


def test_without_an_error_it_does_what_upgrade_does(
    lmsschema: Program, database_url: str, script: Path
) -> None:
    assert run(database_url, script).returncode == 0
    stands = lmsschema("current", "--url", database_url, "--json").json
    assert stands["revision"] == revisions.head()
    assert lmsschema("check", "--url", database_url).code == 0
