"""A step knows what it makes by its definition: another thing of that name is refused."""

from collections.abc import Callable

import psycopg
import pytest

from lmsschema.database.connection import Database
from lmsschema.ddl import steps
from lmsschema.ddl.checks import Checks
from lmsschema.ddl.column import AddColumn
from lmsschema.ddl.foreign_key import ForeignKey
from lmsschema.ddl.index import Index
from lmsschema.ddl.not_null import NotNull
from lmsschema.ddl.trigger import Function, Trigger
from lmsschema.ddl.unique import Unique
from lmsschema.errors import UnsafeError
from lmsschema.locks.context import Context

Open = Callable[..., Database]

SETUP = """
    CREATE TABLE owners (id int PRIMARY KEY);
    CREATE TABLE things (id int PRIMARY KEY, n int, title varchar(20), owner_id int);
    CREATE TABLE pairs (id int, n int, UNIQUE (id, n), UNIQUE (n, id));
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
"""

OWNER = "FOREIGN KEY (owner_id) REFERENCES owners ON DELETE CASCADE"

CHECK = Checks("things", {"things_n_check": "n BETWEEN 0 AND 9"})
COLUMN = AddColumn("things", "phone", "VARCHAR(40) NOT NULL DEFAULT ''")
KEY = ForeignKey("things_owner_id_fkey", "things", "owner_id", "owners", "CASCADE")
PAIR = ForeignKey(
    "things_pair_fkey",
    "things",
    "id, n",
    "pairs",
    "CASCADE",
    referred="id, n",
    on_update="CASCADE",
)
LOWER = Index("things_lower_idx", "things", "lower(title)", unique=True)
TRIGGER = Trigger(
    "touch",
    "things",
    "BEFORE UPDATE",
    "FOR EACH ROW\nWHEN (old.* IS DISTINCT FROM new.*)\nEXECUTE FUNCTION touch()",
)
FUNCTION = Function("touch", "BEGIN RETURN new; END")

#: What is there under the step's name → the step, and words of the definition that is there.
OTHERS: dict[str, tuple[steps.Step, str]] = {
    "ALTER TABLE things ADD CONSTRAINT things_n_check CHECK (n > 0)": (CHECK, "CHECK (n > 0)"),
    "ALTER TABLE things ADD CONSTRAINT things_n_check UNIQUE (n)": (CHECK, "UNIQUE (n)"),
    "ALTER TABLE things ADD phone int": (COLUMN, "integer"),
    "ALTER TABLE things ADD phone varchar(20) NOT NULL DEFAULT ''": (
        COLUMN,
        "character varying(20) NOT NULL DEFAULT ''::character varying",
    ),
    "ALTER TABLE things ADD phone varchar(40) NOT NULL DEFAULT 'x'": (COLUMN, "DEFAULT 'x'"),
    "ALTER TABLE things ADD phone varchar(40) DEFAULT ''": (COLUMN, "character varying(40)"),
    "ALTER TABLE things ADD CONSTRAINT things_owner_id_fkey FOREIGN KEY (owner_id)"
    " REFERENCES owners": (KEY, "FOREIGN KEY (owner_id) REFERENCES owners(id)"),
    "ALTER TABLE things ADD CONSTRAINT things_owner_id_fkey CHECK (owner_id > 0)": (
        KEY,
        "CHECK (owner_id > 0)",
    ),
    "ALTER TABLE things ADD CONSTRAINT things_pair_fkey FOREIGN KEY (id, n)"
    " REFERENCES pairs (n, id) ON UPDATE CASCADE ON DELETE CASCADE": (PAIR, "pairs(n, id)"),
    "ALTER TABLE things ADD CONSTRAINT things_pair_fkey FOREIGN KEY (id, n)"
    " REFERENCES pairs (id, n) ON DELETE CASCADE": (PAIR, "pairs(id, n) ON DELETE CASCADE"),
    "CREATE UNIQUE INDEX things_lower_idx ON things (upper(title))": (LOWER, "upper("),
    "CREATE INDEX things_lower_idx ON things (lower(title))": (LOWER, "CREATE INDEX"),
    "CREATE UNIQUE INDEX things_lower_idx ON things (lower(title) DESC)": (LOWER, "DESC"),
    "CREATE UNIQUE INDEX things_lower_idx ON things (lower(title)) WHERE n > 0": (LOWER, "WHERE"),
    "CREATE UNIQUE INDEX things_lower_idx ON things (lower(title)) NULLS NOT DISTINCT": (
        LOWER,
        "NULLS NOT DISTINCT",
    ),
    "CREATE TRIGGER touch AFTER UPDATE ON things FOR EACH ROW EXECUTE FUNCTION touch()": (
        TRIGGER,
        "AFTER UPDATE ON things",
    ),
    "CREATE TRIGGER touch BEFORE UPDATE ON things FOR EACH ROW"
    " WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION touch();"
    "ALTER TABLE things DISABLE TRIGGER touch": (TRIGGER, "(disabled)"),
    "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN null; END'": (FUNCTION, "RETURN null"),
    "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
    " AS 'BEGIN RETURN new; END'": (FUNCTION, "SECURITY DEFINER"),
    "CREATE INDEX things_n_idx ON things (n DESC)": (
        Index("things_n_idx", "things", "n"),
        "n DESC",
    ),
    "CREATE INDEX things_n_idx ON things (n) WHERE n > 0": (
        Index("things_n_idx", "things", "n"),
        "WHERE (n > 0)",
    ),
    "ALTER TABLE things ADD CONSTRAINT things_n_key CHECK (n > 0)": (
        Unique("things_n_key", "things", "n"),
        "CHECK (n > 0)",
    ),
}

#: The same, where it is the step's own → the step.
SAME: dict[str, steps.Step] = {
    "ALTER TABLE things ADD CONSTRAINT things_n_check CHECK (n >= 0 AND n <= 9)": CHECK,
    "ALTER TABLE things ADD phone character varying(40) DEFAULT '' NOT NULL": COLUMN,
    f"ALTER TABLE things ADD CONSTRAINT things_owner_id_fkey {OWNER}": KEY,
    "ALTER TABLE things ADD CONSTRAINT things_pair_fkey FOREIGN KEY (id, n)"
    " REFERENCES pairs (id, n) ON UPDATE CASCADE ON DELETE CASCADE": PAIR,
    "CREATE UNIQUE INDEX things_lower_idx ON things (LOWER(title::text))": LOWER,
    "CREATE TRIGGER touch BEFORE UPDATE ON things FOR EACH ROW"
    " WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION touch()": TRIGGER,
    "SELECT 1": FUNCTION,
    "ALTER TABLE things ADD phone int DEFAULT 3 NOT NULL": AddColumn(
        "things", "phone", "INTEGER DEFAULT 3"
    ),
}


def refused(database: Database, step: steps.Step, found: str) -> None:
    """Have a step refused, with the definition that is there, before the step ahead of it."""
    ahead = AddColumn("things", "ahead", "INTEGER")
    with pytest.raises(UnsafeError) as told:
        steps.run(Context(database), [ahead, step])
    assert found in told.value.message
    with database.transaction(read_only=True) as conn:
        assert not ahead.done(conn)


@pytest.mark.parametrize("there", OTHERS)
def test_another_thing_of_the_name_is_refused(there: str, database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    database.conn.execute(there.encode())
    refused(database, *OTHERS[there])


@pytest.mark.parametrize("there", SAME)
def test_the_same_in_other_words_is_done(there: str, database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    database.conn.execute(there.encode())
    with database.transaction(read_only=True) as conn:
        assert SAME[there].done(conn)


def test_a_constraint_that_is_not_enforced_is_another(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    for there, step in (
        ("CONSTRAINT things_n_check CHECK (n BETWEEN 0 AND 9)", CHECK),
        (f"CONSTRAINT things_owner_id_fkey {OWNER}", KEY),
    ):
        statement = f"ALTER TABLE things ADD {there} NOT ENFORCED".encode()
        if database.version < 18:
            with pytest.raises(psycopg.errors.SyntaxError):
                database.conn.execute(statement)
        else:
            database.conn.execute(statement)
            refused(database, step, "NOT ENFORCED")


def test_a_not_null_that_is_not_valid_is_made_valid(database_url: str, opened: Open) -> None:
    database = opened(database_url)
    database.conn.execute(SETUP)
    database.conn.execute("INSERT INTO things VALUES (1, NULL)")
    step = NotNull("things", ("n",))
    if database.version >= 18:
        database.conn.execute("ALTER TABLE things ADD CONSTRAINT n_there NOT NULL n NOT VALID")
    with pytest.raises(UnsafeError, match=r"things\.n NOT NULL: 1 row"):
        steps.run(Context(database), [step])
    database.conn.execute("UPDATE things SET n = 1")
    steps.run(Context(database), [step])
    with database.transaction(read_only=True) as conn:
        assert step.done(conn)
    with pytest.raises(psycopg.errors.NotNullViolation):
        database.conn.execute("INSERT INTO things VALUES (2, NULL)")
