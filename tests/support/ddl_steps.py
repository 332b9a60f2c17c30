"""What test_steps and test_steps_blocked share."""

from collections.abc import Callable

from lmsschema.database.connection import Database
from lmsschema.locks.context import Patience

Open = Callable[..., Database]


SHORT = Patience(total=0.5, first=0.05, longest=0.1, quiet=1.0)


THINGS = """
    CREATE TABLE parents (id int PRIMARY KEY);
    CREATE TABLE things (id int, n int, title varchar(10));
    INSERT INTO things SELECT g, g %% 10, g FROM generate_series(1, 100) g;
""".replace("%%", "%")
