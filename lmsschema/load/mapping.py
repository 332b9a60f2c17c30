"""What the formats of events share: times, sessions, ids, and text that PostgreSQL takes."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import ClassVar
from uuid import UUID, uuid5

import msgspec

from lmsschema.load.categories import Categories
from lmsschema.load.record import Entity, Record, RejectError, Voiding, identifier

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

#: Keys of Open edX, wherever they are: the same course has one key in all formats.
_EDX_KEY = re.compile(r"(?:ccx-|library-)?(?:course|block|ccx)-v1:[^\s\"'&?#/]+")

#: The longest event_type and event_action.
TYPE, ACTION = 50, 100

encode = msgspec.json.encode


@dataclasses.dataclass(frozen=True)
class EventFormat:
    """Makes records of events, as one format has them.

    Args:
        namespace: Of the ids that are made.
        categories: What is known of verbs.
        zone: The time zone of times without an offset; None: they are rejected.
        since: The earliest time.
        until: The first time that is too late.
        keep_actor: Whether the actor is part of ``learning_context``, for users may be unknown.
    """

    namespace: UUID
    categories: Categories
    zone: tzinfo | None
    since: datetime
    until: datetime
    keep_actor: bool = False

    name: ClassVar[str] = ""
    #: Why a line is rejected that has parts missing, or of another type.
    wrong: ClassVar[str] = "not_an_event"

    def parts(self, raw: bytes) -> Iterable[bytes]:
        """Return what a line has, if it may have several events."""
        return (raw,)

    def read(self, raw: bytes) -> Record | Voiding | None:
        """Return the record of an event; None if there is none.

        Raises:
            RejectError: It can't be loaded.
        """
        if not raw.strip():
            return None
        try:
            return self._read(raw)
        except msgspec.ValidationError as error:
            raise RejectError(self.wrong, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RejectError("not_json", str(error)) from None
        except RecursionError:
            raise RejectError("not_json", "nested too deeply") from None

    def _read(self, raw: bytes) -> Record | Voiding | None:
        raise NotImplementedError

    def _time(self, text: str | None) -> datetime:
        """Return when it happened."""
        if not text:
            raise RejectError("timestamp_missing")
        at = self._instant(text)
        if not self.since <= at < self.until:
            raise RejectError("timestamp_out_of_range", text)
        return at

    def _instant(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise RejectError("timestamp_unreadable", text) from None
        if at.tzinfo is UTC:
            return at
        if at.tzinfo is None:
            if self.zone is None:
                raise RejectError("timestamp_without_offset", text)
            at = at.replace(tzinfo=self.zone)
        try:
            return at.astimezone(UTC)
        except OverflowError:
            raise RejectError("timestamp_out_of_range", text) from None

    def _session(
        self, named: str | None, actor: Entity | None, course: Entity | None, at: datetime
    ) -> tuple[UUID, bool]:
        """Return the session, and whether it was made of the user, the course and the day."""
        if named is not None:
            try:
                return uuid_of(named), False
            except ValueError:
                return self._made("session", named), False
        parts = (actor.key if actor else "", course.key if course else "", f"{at:%Y-%m-%d}")
        return self._made("session", "|".join(parts)), True

    def _made(self, kind: str, of: str) -> UUID:
        return uuid5(self.namespace, f"{kind}:{of}")


def uuid_of(text: str) -> UUID:
    """Return the UUID that a text is.

    Raises:
        ValueError: It is none.
    """
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        return UUID(text)  # knows more ways to write one


def place(iri: str, title: str = "", interaction: str = "read") -> Entity:
    """Return a course, a lesson or a section."""
    found = _EDX_KEY.search(iri) if "-v1:" in iri else None
    key = identifier(found[0] if found else iri)
    return Entity(key, title if title.strip() else iri, interaction=interaction)


def clean(raw: bytes) -> tuple[bytes, bool]:
    """Return JSON without NUL, which PostgreSQL has in no text, and whether it had any.

    Raises:
        RejectError: It is not UTF-8, or has half of a surrogate pair, which is no character.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise RejectError("not_utf8", f"byte {error.start} of the line") from None
    line = raw
    if b"\\u" in raw:
        line = _NUL.sub(rb"\1\\ufffd", raw) if b"\\u0000" in raw else raw
        if _SURROGATE.search(line):
            try:
                json.dumps(json.loads(line), ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise RejectError("lone_surrogate") from None
            except json.JSONDecodeError as error:
                raise RejectError("not_json", str(error)) from None
    return line, line is not raw and line != raw


def canonical(line: bytes) -> str:
    """Return what is the same for the same JSON, however it is written."""
    text = json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
