"""``courses.search``: what is found, in which order, in which language, and who keeps it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import scalar_row

from lmsschema.database.connection import connect
from lmsschema.database.target import Target
from lmsschema.migration.upgrade import upgrade
from lmsschema.tables.search import CONFIGURATIONS
from lmsschema.testing.databases import Databases
from lmsschema.workload import statements

SEARCH = statements()["search"].text

SETUP = """
    INSERT INTO institutions (id, name, domain, education_level, language)
    VALUES
    ('00000000-0000-0000-0000-000000000001', 'A', 'a.example', 'k12', NULL),
    ('00000000-0000-0000-0000-000000000002', 'B', 'b.example', 'k12', 'de');
"""


@pytest.fixture(scope="module")
def database(lms_databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection to a database at head; each test leaves its rows as they are."""
    name = lms_databases.create()
    opened = connect(Target(lms_databases.url(name), "the test"))
    with opened.conn as conn:
        upgrade(opened)
        conn.execute(SETUP)
        yield conn
    lms_databases.drop(name)


@pytest.fixture
def conn(database: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """That connection, in a transaction that is rolled back."""
    with database.transaction(force_rollback=True):
        yield database


def add(
    conn: psycopg.Connection,
    title: str,
    *,
    institution: int = 1,
    description: str = "",
    tags: str = "[]",
    language: str | None = None,
) -> None:
    conn.execute(
        "INSERT INTO public.courses (institution_id, title, description, tags, subject_area,"
        " difficulty_level, status, language)"
        " VALUES (%s::uuid, %s, %s, %s, 's', 'beginner', 'published', %s)",
        [f"{institution:032}", title, description, tags, language],
    )


def found(conn: psycopg.Connection, words: str, language: str | None = None) -> list[str]:
    rows = conn.execute(SEARCH, {"words": words, "language": language})
    return [title for _, title in rows]


def test_a_title_weighs_more_than_tags_and_these_more_than_a_description(
    conn: psycopg.Connection,
) -> None:
    add(conn, "Third", description="Of algebra")
    add(conn, "Second", tags='["algebra", "numbers"]')
    add(conn, "Algebra")
    add(conn, "Zoology")
    assert found(conn, "algebra") == ["Algebra", "Second", "Third"]
    assert set(found(conn, "algebra -numbers")) == {"Algebra", "Third"}  # not ranked, with a NOT
    assert found(conn, 'algebra "') == ["Algebra", "Second", "Third"]  # as people type


def test_a_language_is_the_courses_own_or_the_institutions_else_words_are_taken_as_they_are(
    conn: psycopg.Connection,
) -> None:
    add(conn, "Alte Sprachen", institution=2)
    add(conn, "Old Languages", institution=2, language="en-GB")
    add(conn, "Sprachen", institution=1)
    add(conn, "Sprachen in tlh", institution=1, language="tlh")
    assert found(conn, "Sprache", "de") == ["Alte Sprachen"]
    assert found(conn, "language", "en") == ["Old Languages"]
    assert set(found(conn, "sprachen")) == {"Sprachen", "Sprachen in tlh"}
    assert found(conn, "Sprache") == []


def test_vectors_follow_the_language_of_their_institution(conn: psycopg.Connection) -> None:
    add(conn, "Alte Sprachen", institution=1)
    add(conn, "Old Languages", institution=1, language="en")
    assert found(conn, "Sprache", "de") == []
    conn.execute("UPDATE institutions SET language = 'de_DE'")
    assert found(conn, "Sprache", "de") == ["Alte Sprachen"]
    assert found(conn, "language", "en") == ["Old Languages"]
    conn.execute("UPDATE courses SET language = 'en' WHERE title = 'Alte Sprachen'")
    assert found(conn, "Sprache", "de") == []


def test_a_vector_that_is_written_anew_is_no_change_of_the_row(conn: psycopg.Connection) -> None:
    add(conn, "Algebra")
    conn.execute("UPDATE courses SET created_at = '2020-01-01', description = 'x'")
    changed = "SELECT count(*) FROM courses WHERE updated_at = now()"
    conn.execute("ALTER TABLE courses DISABLE TRIGGER ALL")
    conn.execute("UPDATE courses SET updated_at = '2020-01-01', search = NULL")
    conn.execute("ALTER TABLE courses ENABLE TRIGGER ALL")
    conn.execute("UPDATE courses SET search = search")
    assert found(conn, "algebra") == ["Algebra"]
    assert conn.execute(changed).fetchone() == (0,)
    conn.execute("UPDATE courses SET search = 'nothing'")  # nobody writes another vector
    assert found(conn, "algebra") == ["Algebra"]


def test_what_a_vector_can_not_hold_is_cut_and_not_refused(conn: psycopg.Connection) -> None:
    conn.execute("DROP INDEX idx_courses_search")  # the guide's own refuses it
    words = " ".join(f"word{number}-\U0001f600\u00e9{number}" for number in range(200_000))
    add(conn, "Long", description=words, tags=f'["{words}"]')
    assert found(conn, "word1") == ["Long"]


@pytest.mark.parametrize("path", ["", "nowhere"])
def test_a_writer_needs_no_search_path_and_no_right_to_read_institutions(
    conn: psycopg.Connection, path: str
) -> None:
    conn.execute(
        "CREATE ROLE lmsschema_test_writer; GRANT INSERT ON courses TO lmsschema_test_writer;"
        " REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;"
        " SET LOCAL ROLE lmsschema_test_writer"
    )
    conn.execute("SELECT set_config('search_path', %s, true)", [path])
    add(conn, "Sprachen", institution=2)
    add(conn, "Alte Sprachen", language="de")
    conn.execute("RESET ROLE; RESET search_path")
    assert found(conn, "sprachen") == ["Sprachen"]
    assert found(conn, "sprache", "de") == ["Alte Sprachen"]


def test_each_language_has_its_configuration_on_this_server(conn: psycopg.Connection) -> None:
    cursor = conn.cursor(row_factory=scalar_row)
    for code, name in CONFIGURATIONS.items():
        for spelled in (code, f"{code.upper()}-XX", f"{code}_XX.UTF-8"):
            cursor.execute("SELECT search_configuration(%s)::text", [spelled])
            assert cursor.fetchone() == name
    for other in ("et", "english", "", None):
        cursor.execute("SELECT search_configuration(%s)::text", [other])
        assert cursor.fetchone() == "simple"
