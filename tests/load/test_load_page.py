"""docs/load.md: its commands, in order, print what it shows."""

from pathlib import Path

import psycopg

from tests.support import pages
from tests.support.program import clean_environment

PAGE = (Path(__file__).parents[2] / "docs" / "load.md").read_text("utf-8")


def test_the_commands_of_the_page_print_what_it_shows(
    conn: psycopg.Connection, loaded_url: str, tmp_path: Path
) -> None:
    pages.install(tmp_path)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    pages.run(PAGE, tmp_path, clean_environment(LMSSCHEMA_DATABASE_URL=loaded_url, PATH=path))
    assert conn.execute("SELECT count(*) FROM learning_events").fetchone() == (4,)
