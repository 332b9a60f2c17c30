"""The same acts in three formats become the same events."""

import collections
from datetime import UTC, datetime
from uuid import NAMESPACE_URL

from lmsschema.load import categories, oulad
from lmsschema.load.caliper import CaliperFormat
from lmsschema.load.edx import EdxFormat
from lmsschema.load.mapping import EventFormat
from lmsschema.load.record import Record
from lmsschema.load.xapi import XapiFormat
from tests.support.acts import COURSE, acts, written

KNOWN = categories.known()
SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
FORMATS: list[EventFormat] = [
    one(NAMESPACE_URL, KNOWN, None, SINCE, UNTIL) for one in (XapiFormat, CaliperFormat, EdxFormat)
]


def test_the_same_acts_agree_in_category_and_course() -> None:
    differing: dict[str, list[str]] = {}
    verbs = collections.Counter[str]()
    assert len(acts()) == 79
    for number, act in enumerate(acts()):
        lines = written(act, number)
        found = []
        for form in FORMATS:
            [part] = form.parts(lines[form.name])
            record = form.read(part)
            assert isinstance(record, Record)
            verbs[record.unknown_verb] += 1
            found.append(record)
        assert {one.course.key for one in found if one.course} == {COURSE}, act
        assert all(one.course for one in found), act
        assert len({one.at for one in found}) == 1
        assert len({one.section.key if one.section else None for one in found}) == 1 or (
            act.kind == "unit"  # in xAPI a module is a lesson
        ), act
        if len({one.category for one in found}) > 1:
            differing[act.name] = [one.category for one in found]
    assert len(acts()) - len(differing) >= 70, differing
    assert set(verbs) == {""}, verbs


def test_a_roster_that_is_read_again_has_the_same_entries() -> None:
    form = oulad.OuladFormat({}, "uni.example", UNTIL)
    row = {"code_module": "A", "code_presentation": "2013J", "id_student": "1"}
    row["final_result"] = "Pass"
    first = list(form.read("student", row))
    assert len(first) == 1
    assert list(form.read("student", row)) == []
    form.begin()
    assert list(form.read("student", row)) == first
