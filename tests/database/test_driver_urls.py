"""URLs of applications are taken for what they mean; variables of the environment too."""

import pytest
from psycopg import conninfo

from lmsschema.database import target
from lmsschema.errors import UsageError

MISSPELT = "LMSSCHEMA_" + "DATABSE_URL"


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        (
            "postgresql+asyncpg://ann:s%40cret@h/lms?ssl=require&prepared_statement_cache_size=0",
            {
                "user": "ann",
                "password": "s@cret",
                "host": "h",
                "dbname": "lms",
                "sslmode": "require",
            },
        ),
        ("postgresql+asyncpg://h/lms?ssl=verify-full", {"sslmode": "verify-full"}),
        ("postgresql+asyncpg://h/lms?ssl=verify_full", {"sslmode": "verify-full"}),
        ("postgresql+asyncpg://h/lms?ssl=true", {"sslmode": "require"}),
        ("postgresql+asyncpg://h/lms?timeout=7&command_timeout=9", {"connect_timeout": "7"}),
        ("postgresql+psycopg2://ann@h:5433/lms?sslmode=verify-ca", {"sslmode": "verify-ca"}),
        ("postgresql+psycopg_async://h/lms?prepare_threshold=0", {"dbname": "lms"}),
        ("postgresql+psycopg://ann@/lms?host=/run/postgresql", {"host": "/run/postgresql"}),
        (
            "postgresql+psycopg2://ann@/lms?host=a:5433&host=b:5434",
            {"host": "a,b", "port": "5433,5434"},
        ),
        ("postgresql+asyncpg://ann@/lms?host=a&port=5433", {"host": "a", "port": "5433"}),
    ],
)
def test_a_url_of_a_driver_is_taken_for_what_it_means(url: str, meant: dict[str, str]) -> None:
    given = conninfo.conninfo_to_dict(target.parse(url, "--url"))
    assert {key: given.get(key) for key in meant} == meant
    assert not {"ssl", "timeout", "command_timeout", "prepare_threshold"} & set(given)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://h/lms?sslmod=verify-full",  # libpq says so of a misspelt one
        "postgresql+asyncpg://h/lms?ssl_context=1",
        "postgresql+nosuch://h/lms",
        "mysql+asyncpg://h/lms",
        "postgresql+asyncpg://h/lms?x=\ud800",
    ],
)
def test_what_nobody_knows_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        target.parse(url, "--url")


@pytest.mark.parametrize("variable", ["LMSSCHEMA_DATABASE_URL", "DATABASE_URL"])
def test_a_variable_that_is_set_but_empty_is_wrong_usage(variable: str) -> None:
    with pytest.raises(UsageError, match=f"{variable} is set, but empty"):
        target.resolve(None, None, {variable: "", "PGHOST": "h"})
    assert target.resolve("postgresql://h/lms", None, {variable: ""}) is not None


def test_a_variable_that_nobody_knows_is_a_warning() -> None:
    environ = {MISSPELT: "x", "LMSSCHEMA_HOME": "/x", "LMSSCHEMA_TEST_URL": "x"}
    (warning,) = target.unknown_variables(environ)
    assert MISSPELT in warning
    assert "did you mean LMSSCHEMA_DATABASE_URL?" in warning
