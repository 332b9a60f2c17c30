import email
import re
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.packaging.environments import project_files, run


def test_the_wheel_holds_the_package_and_the_migrations_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    content = {name for name in names if ".dist-info/" not in name}
    migrations = {f"lmsschema/{name}" for name in project_files("migrations")}
    assert content == project_files("lmsschema") | migrations
    assert "lmsschema/migrations/versions/0001_foundation.py" in content


def test_the_sdist_holds_what_building_and_testing_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = (
        "lmsschema",
        "migrations",
        "tests",
        "docs",
        "deploy",
        "benchmarks",
        "examples",
        ".ci",
    )
    assert set().union(*map(project_files, folders)) <= names
    assert {"pyproject.toml", "cli.py", "README.md", "CHANGELOG.md"} <= names
    assert {"LICENSE", "SECURITY.md", "CONTRIBUTING.md"} <= names


def test_the_tests_of_the_sdist_can_be_collected(sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    out = run(sys.executable, "-m", "pytest", "--collect-only", "-q", "tests", cwd=unpacked)
    assert re.search(r"^\d+ tests collected", out, re.MULTILINE)


def test_the_wheel_says_its_licence_and_links_to_no_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        message = email.message_from_bytes(archive.read(metadata))
    assert message["License-Expression"] == "MIT"
    assert [name for name in names if name.endswith("/licenses/LICENSE")]
    description = str(message.get_payload())
    assert "`docs/upgrade.md`" in description
    assert re.findall(r"\]\((?!https?:)[^)]*\)", description) == []
