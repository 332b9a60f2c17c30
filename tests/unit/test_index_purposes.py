"""Each index says what it is for; each of the lean profile, which statement of an LMS it serves."""

from sqlalchemy import Index

from lmsschema.demo.fill import TABLES as FILLED
from lmsschema.names import LEAN
from lmsschema.tables import TABLES, purposes
from lmsschema.tables.profiles import has
from lmsschema.workload import statements

INDEXES: list[Index] = [index for table in TABLES for index in table.indexes]


def test_each_index_says_what_it_is_for_and_what_it_names_exists() -> None:
    assert [index.name for index in INDEXES if not index.info.get("purpose")] == []
    assert set(purposes.PURPOSES) <= {str(index.name) for index in INDEXES}
    named = {name for index in INDEXES for name in index.info["serves"]}
    assert named - set(statements()) == set()


def test_each_index_of_the_lean_profile_serves_a_statement_or_is_unique() -> None:
    idle = [
        index.name
        for index in INDEXES
        if str(index.table) in FILLED  # the workload is about those
        and has(index, LEAN)
        and not index.unique
        and not index.info["serves"]
    ]
    assert idle == []
