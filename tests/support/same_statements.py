"""Whether check, adopt and doctor say the same of a difference: the same statements and locks."""

from datetime import timedelta

from lmsschema.doctor import examine
from lmsschema.doctor.finding import Finding, Limits
from lmsschema.drift import adopt, fixes
from lmsschema.drift.case import Fix
from lmsschema.drift.check import DriftReport
from lmsschema.drift.compare import Difference, Problem
from tests.support.checking import opened

#: Every index that no query used, and every foreign key without one, is a finding.
ALL = Limits(rows=0, pages=0, kept=timedelta(0))


def require(url: str, report: DriftReport) -> int:
    """Raise where they don't; returns how many of the doctor's findings were compared.

    Args:
        url: The database.
        report: What check found there.
    """
    said = list(
        zip(
            report.drift,
            fixes.plan(report.drift, report.expected, report.found, "public"),
            strict=True,
        )
    )
    with opened(url) as database:
        nearest = adopt.run(database, dry_run=True).nearest
        findings = examine.examine(database, ALL).findings
    every = [*nearest.only_names, *nearest.differences]
    adopts = fixes.plan(every, nearest.expected, nearest.found, "public")
    for difference, fix in said:
        if difference in every:
            assert adopts[every.index(difference)] == fix
        else:  # of a partition, or of the version table, adopt does not speak
            assert not fix.statements
    return sum(_compare(finding, said) for finding in findings if finding.statements)


def _compare(finding: Finding, said: list[tuple[Difference, Fix]]) -> bool:
    """Compare a finding with the difference that it is; returns whether there is one."""
    for difference, fix in said:
        name = difference.identity.name
        same = {
            "invalid-index": difference.attribute == "valid" and name == finding.name,
            "constraint-not-validated": difference.attribute == "definition"
            and name == finding.name
            and str(difference.found).endswith("NOT VALID"),
            "redundant-index": difference.problem is Problem.UNEXPECTED and name == finding.name,
            "unused-index": difference.problem is Problem.UNEXPECTED and name == finding.name,
            "foreign-key-without-index": difference.problem is Problem.MISSING
            and difference.identity.kind == "index"
            and f" {name} " in finding.statements[0].sql,
        }[finding.topic]
        if same:
            assert finding.statements == fix.statements[: len(finding.statements)]
            return True
    return False
