"""OneRoster 1.1 and 1.2, CSV: users, classes as courses, enrollments.

``docs/load.md`` has the mapping. Files are known by their names, columns by their headers.
Passwords and telephone numbers are not read, nor demographics, resources and results.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import PurePath
from typing import Any

from lmsschema.errors import UsageError
from lmsschema.load import csv_rows
from lmsschema.load.csv_rows import Fields
from lmsschema.load.record import RejectError
from lmsschema.load.roster import Entry
from lmsschema.load.source import Source

_MANIFEST = ("propertyName", "value")

#: The files that are read, in an order in which what a file refers to is read before.
_FILES = {
    "academicSessions": ("sourcedId", "title"),
    "courses": ("sourcedId", "title"),
    "classes": ("sourcedId", "title", "courseSourcedId"),
    "roles": ("userSourcedId", "roleType", "role"),
    "users": ("sourcedId", "enabledUser", "username", "givenName", "familyName", "email"),
    "enrollments": ("sourcedId", "classSourcedId", "userSourcedId", "role"),
}

_ROLES = {
    "student": "student",
    "teacher": "instructor",
    "aide": "ta",
    "administrator": "admin",
    "districtadministrator": "admin",
    "siteadministrator": "admin",
    "systemadministrator": "admin",
}

#: Names of users in their profile.
_NAMES = {
    "given_name": ("preferredGivenName", "givenName"),
    "family_name": ("preferredFamilyName", "familyName"),
    "grades": ("grades",),
    "identifier": ("identifier",),
}

_LONGEST = {"email": 255, "username": 100}


class OneRosterFormat:
    """Users, courses and enrollments of the files that the manifest names.

    Args:
        sources: The files of the roster.
        domain: The institution's domain.
        zone: Its time zone: a day begins at its midnight.
        now: The time of the load.

    Attributes:
        whole: Whether the enrollments are all that there are, not those that changed.

    Raises:
        UsageError: There is no manifest, or a file that it names is not there.
    """

    name = "oneroster"
    secrets = ("password", "sms", "phone")

    def __init__(self, sources: Sequence[Source], domain: str, zone: tzinfo, now: datetime) -> None:
        there = {PurePath(one.name).name.partition(".")[0]: one for one in sources}
        modes = _manifest(there.get("manifest"))
        given = [name for name in _FILES if modes.get(f"file.{name}") in {"bulk", "delta"}]
        absent = [name for name in given if name not in there]
        if absent:
            raise UsageError(f"the manifest names {', '.join(absent)}.csv, which is not there")
        self.files = [(name, there[name], _FILES[name]) for name in given]
        self.whole = modes.get("file.enrollments") == "bulk"
        self._domain = domain
        self._zone = zone
        self._now = now
        self._terms: dict[str, str] = {}
        self._courses: dict[str, Fields] = {}

    def begin(self) -> None:
        """Forget what was read: the files are read from their beginning."""
        self._terms.clear()
        self._courses.clear()

    def read(self, file: str, fields: Fields) -> Iterator[Entry]:
        """Yield what a row means; terms and courses are only remembered, for classes."""
        gone = fields.get("status", "").lower() == "tobedeleted"
        if file == "academicSessions":
            self._terms[fields["sourcedId"]] = fields["title"]
        elif file == "courses":
            self._courses[fields["sourcedId"]] = fields
        elif file == "classes":
            yield self._class(fields, gone=gone)
        elif file == "users":
            yield from self._user(fields, gone=gone)
        elif file == "enrollments":
            yield from self._enrollment(fields, gone=gone)
        elif not gone:
            is_primary = fields["roleType"].lower() == "primary"
            yield _role(fields["userSourcedId"], fields["role"], is_primary=is_primary)

    def _class(self, fields: Fields, *, gone: bool) -> Entry:
        course = self._courses.get(fields["courseSourcedId"], {})
        code = fields.get("classCode") or course.get("courseCode", "")
        term = self._terms.get(fields.get("termSourcedIds", "").partition(",")[0].strip())
        subject = (fields.get("subjects") or course.get("subjects", "")).partition(",")[0].strip()
        about = {
            "course": fields["courseSourcedId"],
            "school": fields.get("schoolSourcedId"),
            "periods": fields.get("periods"),
            "code": code,
        }
        return Entry(
            "course",
            _key(fields["sourcedId"]),
            {
                "title": _present(fields, "title")[:500],
                "subject": subject[:100] or None,
                "term": term[:50] if term else None,
                "code": code if 0 < len(code) <= 20 else None,  # noqa: PLR2004  the column's length
                "status": "archived" if gone else "published",
                "system": self.name,
                "structure": {key: value for key, value in about.items() if value},
            },
        )

    def _user(self, fields: Fields, *, gone: bool) -> Iterator[Entry]:
        key = _key(fields["sourcedId"])
        email = fields["email"].lower() or None
        username = _present(fields, "username")
        if "@" not in username:
            username += f"@{self._domain}"
        for name, value in (("email", email), ("username", username)):
            if value and len(value) > _LONGEST[name]:
                raise RejectError("value_too_long", f"{name}: {len(value)} characters")
        profile = {
            name: next((fields[column] for column in columns if fields.get(column)), None)
            for name, columns in _NAMES.items()
        }
        yield Entry(
            "user",
            key,
            {
                "email": email,
                "username": username,
                "profile": {name: value for name, value in profile.items() if value},
                "enabled": fields["enabledUser"].lower() != "false" and not gone,
                "mailbox": email and "mbox_sha1sum:" + _sha1(f"mailto:{email}"),
            },
        )
        if fields.get("role"):  # 1.1
            yield _role(fields["sourcedId"], fields["role"], is_primary=True)

    def _enrollment(self, fields: Fields, *, gone: bool) -> Iterator[Entry]:
        user, course = _key(fields["userSourcedId"]), _key(fields["classSourcedId"])
        both = f"{user}|{course}"
        data: dict[str, Any] = {"user": user, "course": course}
        at = self._midnight(fields.get("beginDate", ""))
        if fields["role"].lower() == "student":
            data |= {"status": "withdrawn" if gone else "active", "at": at and at.isoformat()}
            yield Entry("enrollment", both, data)
        elif fields["role"].lower() == "teacher":
            is_primary = fields.get("primary", "").lower() == "true"
            data |= {"active": not gone, "primary": is_primary}
            data |= {"whole": self.whole, "system": self.name}
            yield Entry("staff", both, data)

    def _midnight(self, text: str) -> datetime | None:
        """Return the begin of a day; None if there is none."""
        if not text:
            return None
        try:
            at = datetime.combine(date.fromisoformat(text), time(), self._zone).astimezone(UTC)
        except (ValueError, OverflowError):
            raise RejectError("timestamp_unreadable", text) from None
        if not datetime(2000, 1, 1, tzinfo=UTC) <= at < self._now + timedelta(days=3650):
            raise RejectError("timestamp_out_of_range", text)
        return at


def _manifest(source: Source | None) -> dict[str, str]:
    if source is None:
        raise UsageError(
            "the roster has no manifest.csv", hint="Load the archive, or the folder, as a whole."
        )
    return {
        fields["propertyName"]: fields["value"].lower()
        for _, fields in csv_rows.rows(source, 1 << 16, _MANIFEST)
        if isinstance(fields, dict)
    }


def _role(user: str, role: str, *, is_primary: bool) -> Entry:
    data = {"role": _ROLES.get(role.lower(), "observer"), "primary": is_primary}
    return Entry("role", _key(user), data)


def _key(sourced_id: str) -> str:
    if not sourced_id:
        raise RejectError("no_identifier")
    return f"oneroster:{sourced_id}"


def _present(fields: Fields, name: str) -> str:
    if not fields[name]:
        raise RejectError("value_missing", name)
    return fields[name]


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  xAPI's way to name a mailbox
