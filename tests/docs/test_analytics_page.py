"""docs/analytics.md defines every column of the tables that are computed, and no other."""

import re
from pathlib import Path

import pytest

from lmsschema.tables import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text("utf-8")
DEFINED = re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)

#: Columns that no function of the database writes.
LEFT = {
    "course_analytics": {
        "concept_difficulty_scores",
        "learning_objective_achievement",
        "content_effectiveness_scores",
    },
    "learner_analytics": {
        "learning_style_profile",
        "success_probability",
        "recommended_interventions",
    },
}
FUNCTIONS = Path(__file__).parents[2] / "lmsschema" / "tables" / "functions"


def rows(text: str) -> list[tuple[str, str]]:
    """Return the columns that a section defines, each with what it is."""
    return [
        (name, what)
        for names, what in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.+?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    ]


def test_the_tables() -> None:
    assert [name for name, _ in DEFINED] == [
        "lesson_progress",
        "enrollments",
        "learning_sessions",
        "learner_course_daily",
        "course_analytics",
        "learner_analytics",
    ]


@pytest.mark.parametrize(("table", "text"), DEFINED, ids=[name for name, _ in DEFINED])
def test_each_column_once(table: str, text: str) -> None:
    assert sorted(name for name, _ in rows(text)) == sorted(metadata.tables[table].columns.keys())


@pytest.mark.parametrize("table", LEFT)
def test_what_is_the_applications_is_never_written(table: str) -> None:
    text = dict(DEFINED)[table]
    said = {name for name, what in rows(text) if what.startswith("the application's")}
    assert said == LEFT[table]
    for file in FUNCTIONS.glob("*.sql"):
        for statement in re.findall(
            rf"INSERT INTO {table} AS o.*?(?:RETURNING|GET)", file.read_text("utf-8"), re.DOTALL
        ):
            assert not said & set(re.findall(r"\w+", statement))
