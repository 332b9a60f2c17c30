"""The views of the reports, each a file of ``views/``; docs/reports.md says what they answer.

They are of the metadata as the functions of grading are, which some of them call.
"""

from pathlib import Path

from sqlalchemy import DDL

from lmsschema.reports import REPORTS
from lmsschema.tables.updated_at import ddl

_FOLDER = Path(__file__).with_name("views")


def names() -> tuple[str, ...]:
    """Return the names of the views, each after those that it reads."""
    return tuple(report.view for report in REPORTS.values())


def create() -> list[DDL]:
    """Return the statements that make the views; tables and functions are there."""
    return [
        ddl(text)
        for report in REPORTS.values()
        for text in (
            (_FOLDER / f"{report.view}.sql").read_text("utf-8").strip().removesuffix(";"),
            f"COMMENT ON VIEW {report.view} IS '{report.question}'",
        )
    ]
