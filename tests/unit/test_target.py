"""Which database a command works on, and that no password is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import conninfo, errors

from lmsschema.database import sqlstate, target
from lmsschema.database.target import Target
from lmsschema.errors import UsageError


def resolve(url: str | None, schema: str | None, environ: dict[str, str]) -> Target:
    found = target.resolve(url, schema, environ)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db.example:5433/lms", "lms on db.example:5433 as ann"),
        ("postgres://ann:s3cret@db.example/lms", "lms on db.example:5432 as ann"),
        ("postgresql+psycopg://ann:s3cret@db.example/lms", "lms on db.example:5432 as ann"),
        ("host=/run/postgresql dbname=lms user=ann", "lms on /run/postgresql:5432 as ann"),
        ("postgresql://ann@/lms?host=/run/postgresql", "lms on /run/postgresql:5432 as ann"),
        ("dbname=lms user=ann password='s3 cret' host=h", "lms on h:5432 as ann"),
        ("service=campus", "service campus"),
        ("postgresql://ann@h1,h2:5433/lms?sslmode=require", "lms on h1:5432,h2:5433 as ann"),
    ],
)
def test_accepted_forms_are_shown_without_password(
    url: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in target.LIBPQ_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    chosen = resolve(url, None, {})
    assert str(chosen) == shown
    assert "cret" not in repr(chosen)
    assert chosen.source == "--url"


def test_tls_options_reach_libpq() -> None:
    chosen = resolve("postgresql://h/lms?sslmode=verify-full&sslrootcert=/ca.pem", None, {})
    given = conninfo.conninfo_to_dict(chosen.conninfo)
    assert (given["sslmode"], given["sslrootcert"]) == ("verify-full", "/ca.pem")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:s3cret@h/lms",
        "postgresql+nosuch://ann:s3cret@h/lms",
        "sqlite:///s3cret.db",
        "postgresql://ann:s3@cret@h/lms",
        "postgresql://ann:s3/cret@h/lms",
        "postgresql://ann:s3cret@h:port/lms",
        "postgresql://ann:s3cret@h:99999/lms",
        "postgresql://ann:s3%ZZcret@h/lms",
        "postgresql://ann:s3cret@h/lms?no_such_option=1",
        "lms s3cret",
        "password=s3cret nonsense=1",
        "",
        "   ",
    ],
)
def test_other_forms_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        resolve(url, None, {})
    text = refusal.value.message + refusal.value.hint
    assert "s3" not in text
    assert "cret" not in text
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({"LMSSCHEMA_DATABASE_URL": "postgresql://a/b", "DATABASE_URL": "postgresql://c/d"}, 0),
        ({"DATABASE_URL": "postgresql://c/d", "PGHOST": "e"}, 0),
        ({"PGHOST": "e"}, 0),
        ({"PGSERVICE": "campus"}, 0),
        ({"PGDATABASE": "lms"}, 0),
        ({"PGHOST": "", "PGPORT": "5433"}, 1),
    ],
)
def test_environment_is_asked_in_order(environ: dict[str, str], source: int) -> None:
    assert resolve(None, None, environ).source == list(environ)[source]
    assert resolve("postgresql://x/y", None, environ).source == "--url"


@pytest.mark.parametrize("schema", ["", "pg_lms", "information_schema", "a\0b", "ü" * 32])
def test_schema_names_that_postgresql_refuses(schema: str) -> None:
    with pytest.raises(UsageError):
        resolve("postgresql://h/lms", schema, {})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_percent_encoded_password_arrives_and_is_never_shown(password: str) -> None:
    from urllib.parse import quote

    chosen = resolve(f"postgresql://ann:{quote(password, safe='')}@h/lms", None, {})
    assert chosen.password() == password
    assert str(chosen) == "lms on h:5432 as ann"


@given(st.text(max_size=80))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        target.parse(text, "--url")
    except UsageError as refusal:
        assert refusal.hint  # noqa: PT017  both outcomes are right, a third is not


def test_a_cancelled_statement_is_no_lost_connection() -> None:
    chosen = resolve("postgresql://ann@h/lms", None, {})
    error = sqlstate.translate(
        errors.QueryCanceled("canceling statement due to user request"), chosen
    )
    assert "cancelled a statement: canceling statement due to user request" in error.message
    assert "statement_timeout" in error.hint
