"""Pages of the documentation whose commands are run, and print what the pages show."""

import re
import subprocess
import sys
from pathlib import Path

#: A block of commands, with the block of output after it if there is one.
_BLOCKS = re.compile(
    r"^```bash\n(.*?)^```$(?:(?:(?!^```).)*?^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)


def install(folder: Path) -> None:
    """Put the program into ``bin`` of a folder."""
    program = folder / "bin" / "lmsschema"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lmsschema "$@"\n')
    program.chmod(0o755)


def run(page: str, folder: Path, environment: dict[str, str]) -> None:
    """Run the commands of a page in order; assert that they print what it shows."""
    blocks = _BLOCKS.findall(page)
    assert len(blocks) == len(re.findall("^```bash$", page, re.MULTILINE))
    assert sum(bool(shown) for _, shown in blocks) == len(
        re.findall("^```text$", page, re.MULTILINE)
    )
    for commands, shown in blocks:
        done = subprocess.run(
            ["bash", "-ec", commands],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        for line in shown.splitlines():
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(f"^{pattern}$", done.stdout, re.MULTILINE), f"{line}\n{done.stdout}"
