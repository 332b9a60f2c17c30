"""docs/application.md: its files, its commands and its program, with nothing but the wheel."""

import json
import re
from pathlib import Path

from tests.packaging.environments import ROOT, run

PAGE = (ROOT / "docs" / "application.md").read_text("utf-8")

#: A file that is to be written, with its name; a block of commands; a block of the one program.
BLOCK = re.compile(
    r"(?:`(?P<name>\w+\.py)`:\n\n)?^```(?P<language>python|bash)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def test_the_page_leads_from_the_installed_wheel_to_a_tested_service(
    programs: Path, wheel: Path, elsewhere: Path
) -> None:
    blocks = list(BLOCK.finditer(PAGE))
    assert len(blocks) == len(re.findall("^```(?:python|bash)$", PAGE, re.MULTILINE))
    folder = elsewhere / "service"
    folder.mkdir(mode=0o755)
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PIP_FIND_LINKS": str(wheel.parent),
        "LMSSCHEMA_HOME": str(elsewhere / "service-home"),
    }
    program: list[str] = []
    printed = ""
    try:
        for block in blocks:
            if block["name"]:
                assert block["text"] == (ROOT / "examples/fastapi" / block["name"]).read_text()
                (folder / block["name"]).write_text(block["text"])
            elif block["language"] == "python":
                program.append(block["text"])
            else:
                printed += run("bash", "-ec", block["text"], cwd=folder, **environment)
        assert "2 passed" in printed
        started = run(programs / "lmsschema", "local", "url", "--json", cwd=folder, **environment)
        url = json.loads(started)["url"]
        (folder / "program.py").write_text("\n".join(program))
        run(
            *(programs / "python", "program.py"),
            cwd=folder,
            **environment,
            LMSSCHEMA_DATABASE_URL=url,
        )
    finally:
        run(programs / "lmsschema", "local", "destroy", "--yes", cwd=folder, **environment)
