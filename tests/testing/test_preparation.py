"""The application's migrations and rows in the template."""

from pathlib import Path

import psycopg
import pytest

from lmsschema.createdb.content import TEMPLATE
from lmsschema.errors import UsageError
from lmsschema.testing.preparation import Preparation
from lmsschema.testing.servers import RunningServer
from tests.support.plugin_runs import Suite

INI = "lms_prepare =\n    shop.prepare:fill\n    seed.sql"

PREPARE = """
import psycopg

def fill(url):
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE orders (id int, user_id uuid REFERENCES users)")

def leave(url):
    global left
    left = psycopg.connect(url)
"""

SUITE = """
import pytest, psycopg

@pytest.mark.parametrize("number", range(3))
def test_it(lms_database_url, number):
    with psycopg.connect(lms_database_url) as conn:
        assert conn.execute("SELECT id FROM orders").fetchall() == [({rows},)]
"""

BUILDING = "lmsschema: building the template"


def templates(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname::text, %s)", [TEMPLATE]
        )
        return {name for (name,) in rows}


@pytest.fixture
def shop(folder: Path) -> Path:
    """An application's package beside the suite."""
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "prepare.py").write_text(PREPARE)
    (folder / "seed.sql").write_text("INSERT INTO orders VALUES (1); ANALYZE orders;\n")
    return folder


def test_every_database_is_a_copy_of_what_was_prepared_once(
    suite: Suite, shop: Path, lms_server: RunningServer, lms_template: str
) -> None:
    before = templates(lms_server.url)
    variables = {"LMSSCHEMA_TEST_URL": lms_server.url}
    first = suite(SUITE.format(rows=1), ini=INI, **variables)
    assert "3 passed" in first.stdout, first.stdout
    assert first.stdout.count(BUILDING) == 1
    made = templates(lms_server.url) - before  # another test's suite may have made one, too
    again = suite(SUITE.format(rows=1), "-n", "2", ini=INI, **variables)
    assert "3 passed" in again.stdout, again.stdout
    assert BUILDING not in again.stdout
    # another content is another template, which takes the old one's place, and no one else's
    (shop / "seed.sql").write_text("INSERT INTO orders VALUES (2);\n")
    changed = suite(SUITE.format(rows=2), "-n", "2", ini=INI, **variables)
    assert "3 passed" in changed.stdout, changed.stdout
    assert changed.stdout.count(BUILDING) == 1  # a worker says it, too
    after = templates(lms_server.url)
    [replaced] = made - after
    place = replaced.rpartition("_")[0]
    assert sum(name.startswith(place) for name in after) == 1
    assert lms_template in after


@pytest.mark.usefixtures("shop")
def test_what_is_left_open_is_said(suite: Suite, lms_server: RunningServer) -> None:
    ini = INI.replace("shop.prepare:fill", "shop.prepare:leave\n    shop.prepare:fill")
    done = suite(SUITE.format(rows=1), ini=ini, LMSSCHEMA_TEST_URL=lms_server.url)
    assert "left a connection open" in done.stdout
    assert "3 errors" in done.stdout


def test_the_key_covers_what_decides_the_content(shop: Path) -> None:
    keys = set()

    def key(*files: str) -> str:
        return Preparation(("shop.prepare:fill", "seed.sql"), files, shop).content()

    keys.add(key())
    (shop / "shop" / "versions").mkdir()
    (shop / "shop" / "versions" / "one.py").write_text("x = 1\n")
    keys.add(key())
    (shop / "seed.sql").write_text("SELECT 1;\n")
    keys.add(key())
    (shop / "rows.csv").write_text("1\n")
    assert key() in keys
    keys.add(key("*.csv"))
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("step", "files", "said"),
    [
        ("nowhere:fill", (), "there is no nowhere:fill"),
        ("shop.prepare", (), "there is no shop.prepare"),
        ("absent.sql", (), "absent.sql can't be read"),
        ("seed.sql", ("*.nothing",), "no file is"),
    ],
)
def test_what_names_nothing_is_said(
    shop: Path, step: str, files: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Preparation((step,), files, shop).content()
