"""The index profiles as they are declared; no server is asked."""

import pytest
from sqlalchemy import Table, UniqueConstraint

from lmsschema import names
from lmsschema.ddl.index import Index
from lmsschema.ddl.of_profile import OfProfile
from lmsschema.migration import profile_steps
from lmsschema.tables import TABLES, profiles


def beginnings(table: Table, profile: str) -> list[tuple[str, ...]]:
    """Return the columns of the indexes that find all rows of a table by their first columns."""
    uniques = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    found = [tuple(one.columns.keys()) for one in [table.primary_key, *uniques]]
    for index in profiles.indexes(table, profile):
        options = index.dialect_options["postgresql"]
        if options["where"] is None and options["using"] in {False, None, "btree"}:
            found.append(tuple(column.name for column in index.columns))
    return found


def test_no_foreign_key_loses_the_index_that_begins_with_its_first_column() -> None:
    """A cascade reads the whole table else."""
    for table in TABLES:
        faithful, lean = (
            {one[0] for one in beginnings(table, profile) if one} for profile in names.PROFILES
        )
        firsts = {key.columns.keys()[0] for key in table.foreign_key_constraints}
        assert firsts & faithful <= lean, table.name


@pytest.mark.parametrize("profile", names.PROFILES)
def test_unique_indexes_are_rules_and_in_every_profile(profile: str) -> None:
    for table in TABLES:
        unique = {index.name for index in table.indexes if index.unique}
        assert unique <= {index.name for index in profiles.indexes(table, profile)}


def test_lean_has_no_index_of_a_column_that_is_updated_all_the_time() -> None:
    for table in TABLES:
        hot = set(profiles.HOT.get(table.name, ()))
        assert hot <= set(table.columns.keys())
        for index in profiles.indexes(table, names.LEAN):
            assert hot.isdisjoint(column.name for column in index.columns), index.name
        assert (profiles.fillfactor(table, names.LEAN) == 90) == bool(hot)


def test_what_is_new_is_built_before_it_is_recorded_and_the_old_dropped_after() -> None:
    for profile in names.PROFILES:
        kinds = [type(step).__name__ for step in profile_steps.make(profile)]
        record = kinds.index("RecordProfile")
        assert set(kinds[:record]) <= {"Index", "PartitionedIndex"}
        dropped = kinds[record + 1 :]
        assert set(dropped) == {"DropIndex", "DropPartitionedIndex", "StorageParameters"}
        assert "StorageParameters" not in dropped[: -dropped.count("StorageParameters")]


def test_a_step_of_one_profile_asks_for_it_in_a_script() -> None:
    [script] = OfProfile("lean", Index("idx", "users", "role")).statements()
    assert (
        "IF coalesce((SELECT s.profile FROM lmsschema_settings AS s), 'faithful') = 'lean'"
        in script
    )
    assert 'CREATE INDEX "idx" ON "users" (role);' in script
