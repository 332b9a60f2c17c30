"""``lmsschema lint``, and ``revision``, which lints what it writes."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import lmsschema as lmsschema_package
from lmsschema.migration import revisions
from tests.support.program import Program, clean_environment

CHECKOUT = Path(lmsschema_package.__file__).parent.parent


def test_the_revisions_are_clean(lmsschema: Program) -> None:
    outcome = lmsschema("lint", timeout=600)
    assert (outcome.code, outcome.out) == (0, f"{len(revisions.ids())} scripts: no findings\n")


def test_a_finding_says_where_what_and_what_to_do(lmsschema: Program, tmp_path: Path) -> None:
    file = tmp_path / "change.sql"
    file.write_text("BEGIN;\n\nUPDATE users SET role = 'student';\n\nCOMMIT;\n")
    outcome = lmsschema("lint", str(file))
    assert outcome.code == 3
    first, statement, advice, summary = outcome.out.splitlines()
    assert first.startswith(f"{file}:3: lmsschema: unbatched-write: UPDATE users of the whole")
    assert statement.strip() == "UPDATE users SET role = 'student';"
    assert "batches" in advice
    assert summary == "1 script: 1 finding"
    data = lmsschema("lint", str(file), "--json").json
    assert data["read"] == [str(file)]
    assert [one["rule"] for one in data["findings"]] == ["unbatched-write"]


def test_a_file_that_can_t_be_linted_is_wrong_usage(lmsschema: Program, tmp_path: Path) -> None:
    outcome = lmsschema("lint", str(tmp_path / "absent.sql"))
    assert (outcome.code, outcome.out) == (2, "")
    assert "absent.sql can't be read" in outcome.err


def copied_checkout(folder: Path) -> Path:
    """Copy what of the checkout the program needs."""
    for part in ("lmsschema", "migrations"):
        shutil.copytree(CHECKOUT / part, folder / part)
    for part in ("cli.py", "pyproject.toml"):
        shutil.copy(CHECKOUT / part, folder)
    return folder


def test_a_finding_in_a_revision_names_its_line_there(tmp_path: Path) -> None:
    checkout = copied_checkout(tmp_path)
    file = checkout / "migrations" / "versions" / "0003_analytics.py"
    text = file.read_text()
    assert text.count("UPGRADE = (\n") == 1
    file.write_text(
        text.replace("UPGRADE = (\n", "UPGRADE = (\n    \"UPDATE users SET role = 'ta'\",\n")
    )
    line = file.read_text().splitlines().index("    \"UPDATE users SET role = 'ta'\",") + 1
    done = subprocess.run(
        [sys.executable, "cli.py", "lint", file],
        cwd=checkout,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith(f"{file}:{line}: lmsschema: unbatched-write: ")


def test_revision_lints_what_it_writes(tmp_path: Path) -> None:
    checkout = copied_checkout(tmp_path)
    template = checkout / "migrations" / "script.py.mako"
    text = template.read_text()
    assert "UPGRADE: tuple[str, ...] = ()" in text

    def write(message: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "cli.py", "revision", "-m", message],
            cwd=checkout,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    clean = write("nothing yet")
    assert (clean.returncode, clean.stderr) == (0, "")
    template.write_text(
        text.replace(
            "UPGRADE: tuple[str, ...] = ()", 'UPGRADE: tuple[str, ...] = ("DELETE FROM users",)'
        )
    )
    found = write("harm")
    assert found.returncode == 3
    assert "lmsschema: unbatched-write: DELETE users of the whole table" in found.stderr
    assert Path(found.stdout.strip()).is_file()


def test_without_the_linters_it_says_how_to_install_them(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    [site] = (tmp_path / "venv").glob("lib/python3*/site-packages")
    here = Path(next(p for p in sys.path if p.endswith("site-packages")))
    for package in here.iterdir():  # everything that is installed here but the linters
        if not package.name.startswith(("sqlfluff", "squawk", "__editable__", "_virtualenv")):
            (site / package.name).symlink_to(package)
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", CHECKOUT / "cli.py", "lint"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "which is not installed" in done.stderr
    assert 'hint: pip install "lmsschema[lint]"' in done.stderr
    assert done.stdout == ""
