import tarfile
import zipfile
from pathlib import Path

from tests.packaging.environments import project_files


def test_the_wheel_holds_the_package_and_the_migrations_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    content = {name for name in names if ".dist-info/" not in name}
    migrations = {f"lmsschema/{name}" for name in project_files("migrations")}
    assert content == project_files("lmsschema") | migrations
    assert "lmsschema/migrations/versions/0001_foundation.py" in content


def test_the_sdist_holds_what_building_and_testing_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("lmsschema", "migrations", "tests")
    assert set().union(*map(project_files, folders)) <= names
    assert {"pyproject.toml", "cli.py", "README.md", "CHANGELOG.md"} <= names
