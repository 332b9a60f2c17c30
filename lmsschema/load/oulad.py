"""The Open University Learning Analytics Dataset: its students, presentations and clicks.

Days count from the start of a presentation, and are taken as midnight UTC. What the data does not
have (a subject, a difficulty) is unknown. Assessments are not read.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any
from uuid import UUID, uuid5

from lmsschema.errors import UsageError
from lmsschema.load import csv_rows
from lmsschema.load.csv_rows import Fields
from lmsschema.load.record import Entity, Record, RejectError
from lmsschema.load.roster import Entry
from lmsschema.load.source import Source

START_MONTHS = {"B": 2, "J": 10}

RESULTS = {
    "Pass": ("completed", "P"),
    "Distinction": ("completed", "D"),
    "Fail": ("completed", "F"),  # the student stayed to the end of the presentation
    "Withdrawn": ("withdrawn", "W"),
}

INTERACTIONS = {
    "dataplus": "practice",
    "externalquiz": "quiz",
    "forumng": "discussion",
    "htmlactivity": "practice",
    "oucollaborate": "discussion",
    "ouelluminate": "discussion",
    "ouwiki": "practice",
    "questionnaire": "practice",
    "quiz": "quiz",
    "repeatactivity": "practice",
}
"""What a learner does in a kind of material; in others to read."""

_CATEGORIES = {"discussion": "social", "quiz": "assessment"}

#: The columns of a file, by its name without case, extension and underscores.
_PRESENTATION = ("code_module", "code_presentation")
_FILES = {
    "course": (*_PRESENTATION, "module_presentation_length"),
    "student": (*_PRESENTATION, "id_student", "final_result"),
    "studentregistration": (*_PRESENTATION, "id_student", "date_registration"),
    "vle": ("id_site", "activity_type"),
}
CLICKS = (*_PRESENTATION, "id_student", "id_site", "date", "sum_click")
_ALSO = {"courses": "course", "studentinfo": "student"}
_NEEDED = ("course", "student", "studentregistration")

_PROFILE = ("gender", "region", "highest_education", "imd_band")
_BACKGROUND = ("age_band", "num_of_prev_attempts", "studied_credits")


def find(sources: Sequence[Source]) -> dict[str, Source]:
    """Return the files of the data by what they are; others are left out.

    Raises:
        UsageError: One that is needed is not there.
    """
    found = {}
    for one in sources:
        name = PurePath(one.name).name.partition(".")[0].lower().replace("_", "")
        name = _ALSO.get(name, name)
        if name in _FILES or name == "studentvle":
            found[name] = one
    absent = [name for name in _NEEDED if name not in found]
    if absent:
        raise UsageError(
            f"there is no file of the data named {', '.join(absent)}",
            hint="The files are courses.csv, studentInfo.csv and studentRegistration.csv; "
            "vle.csv and studentVle.csv for the clicks.",
        )
    return found


class OuladFormat:
    """Users, courses and enrollments.

    Args:
        sources: The files.
        domain: The institution's domain, for the names of users.
        now: The time of the load.
    """

    name = "oulad"
    secrets: tuple[str, ...] = ()

    def __init__(self, sources: dict[str, Source], domain: str, now: datetime) -> None:
        self.files = [
            (name, sources[name], _FILES[name]) for name in (*_NEEDED, "vle") if name in sources
        ]
        self.activities: dict[str, str] = {}
        self._domain = domain
        self._until = now + timedelta(days=3650)
        self._lengths: dict[str, int] = {}
        self._results: dict[tuple[str, str], Fields] = {}
        self._students: set[str] = set()

    def begin(self) -> None:
        """Forget what was read: the files are read from their beginning."""
        for remembered in (self.activities, self._lengths, self._results, self._students):
            remembered.clear()

    def read(self, file: str, fields: Fields) -> Iterator[Entry]:
        """Yield what a row means; sites are only remembered, for clicks."""
        if file == "vle":
            self.activities[fields["id_site"]] = fields["activity_type"]
        elif file == "course":
            yield self._course(fields)
        elif file == "student":
            yield from self._student(fields)
        else:
            yield self._registration(fields)

    def _course(self, fields: Fields) -> Entry:
        key = _course(fields)
        module, term = fields["code_module"], fields["code_presentation"]
        length = number(fields["module_presentation_length"])
        self._lengths[key] = length
        begin = day(term, 0, self._until)
        return Entry(
            "course",
            key,
            {
                "title": f"Module {module}, presentation {term}"[:500],
                "description": f"Begins on {begin:%d %B %Y}, takes {length} days.",
                "term": term,
                "code": module[:20],
                "status": "archived",
            },
        )

    def _student(self, fields: Fields) -> Iterator[Entry]:
        """Yield the student, the first time; what varies by presentation is no profile."""
        key = _user(fields)
        if fields["final_result"] not in RESULTS:
            raise RejectError("unknown_result", fields["final_result"])
        self._results[_course(fields), key] = fields
        if key in self._students:
            return
        self._students.add(key)
        student = fields["id_student"]
        yield Entry(
            "user",
            key,
            {
                "email": f"{student}@{self._domain}.invalid",
                "username": f"{student}@{self._domain}",
                "role": "student",
                "profile": _some(fields, _PROFILE),
                "needs": {"disability": fields.get("disability") in {"True", "Y"}},
            },
        )

    def _registration(self, fields: Fields) -> Entry:
        course, user, term = _course(fields), _user(fields), fields["code_presentation"]
        about = self._results.get((course, user))
        if about is None:
            raise RejectError("unresolved_user", user)
        if course not in self._lengths:
            raise RejectError("unresolved_course", course)
        status, letter = RESULTS[about["final_result"]]
        at = day(term, number(fields["date_registration"], 0), self._until)
        end = day(term, self._lengths[course], self._until)
        data: dict[str, Any] = {
            "user": user,
            "course": course,
            "status": status,
            "letter": letter,
            "at": at.isoformat(),
            "completed": max(at, end).isoformat() if status == "completed" else None,
            "initial": _some(about, _BACKGROUND),
            "path": {},
        }
        if (left := fields.get("date_unregistration", "")) not in _BLANK:
            data["path"] = {"left_on_day": number(left)}
        return Entry("enrollment", f"{user}|{course}", data)


@dataclasses.dataclass(frozen=True)
class OuladClicks:
    """Makes events of the clicks of a student on a site on a day.

    Args:
        namespace: Of the ids that are made.
        columns: The names of the file's columns.
        activities: The kind of each site.
        until: The first time that is too late.
    """

    namespace: UUID
    columns: list[str]
    activities: dict[str, str]
    until: datetime
    name: str = "oulad"

    def parts(self, raw: bytes) -> tuple[bytes]:
        """Return the line."""
        return (raw,)

    def read(self, raw: bytes) -> Record | None:
        """Return the record of a line; None of the header.

        Raises:
            RejectError: It can't be loaded.
        """
        if not raw.strip():
            return None
        fields = csv_rows.parse(raw, self.columns)
        if list(fields.values()) == self.columns:
            return None
        at = day(fields["code_presentation"], number(fields["date"]), self.until)
        site = fields["id_site"]
        activity = self.activities.get(site, "unknown")
        does = INTERACTIONS.get(activity, "read")
        user, course = _user(fields), _course(fields)
        clicks = number(fields["sum_click"])
        parts = (course, user, site, f"{at:%Y-%m-%d}")
        return Record(
            # the data has several rows of a student, a site and a day, with other numbers
            id=uuid5(self.namespace, f"clicks:{'|'.join(parts)}|{clicks}"),
            at=at,
            actor=Entity(user),
            course=Entity(course),
            lesson=Entity(activity, activity),
            section=Entity(f"site:{site}", f"{activity} {site}", interaction=does),
            type="clicked",
            category=_CATEGORIES.get(does, "interaction"),
            action=activity[:100],
            session=uuid5(self.namespace, f"session:{'|'.join((user, course, parts[-1]))}"),
            context=b'{"session_derived":true}',
            data=b'{"clicks":%d}' % clicks,
        )


_BLANK = {"", "?"}


def course_key(module: str, term: str) -> str:
    """Return the identifier of a presentation."""
    return f"oulad:{module}|{term}"


def user_key(student: str) -> str:
    """Return the identifier of a student."""
    return f"oulad:{student}"


def _course(fields: Fields) -> str:
    return course_key(fields["code_module"], fields["code_presentation"])


def _user(fields: Fields) -> str:
    return user_key(fields["id_student"])


def number(text: str, absent: int | None = None) -> int:
    """Return a number; of a field that is empty what is given."""
    if text in _BLANK and absent is not None:
        return absent
    try:
        return int(text)
    except ValueError:
        raise RejectError("not_a_number", text) from None


def day(term: str, days: int, until: datetime) -> datetime:
    """Return a day of a presentation, such as the tenth of 2013J."""
    try:
        begin = datetime(int(term[:4]), START_MONTHS[term[4:]], 1, tzinfo=UTC)
        at = begin + timedelta(days=days)
    except (KeyError, ValueError, OverflowError):
        raise RejectError("timestamp_unreadable", f"{term}, day {days}") from None
    if not datetime(2000, 1, 1, tzinfo=UTC) <= at < until:
        raise RejectError("timestamp_out_of_range", f"{term}, day {days}")
    return at


def _some(fields: Fields, names: Sequence[str]) -> dict[str, str]:
    return {name: fields[name] for name in names if name in fields}
