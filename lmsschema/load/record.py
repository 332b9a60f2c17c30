"""What a line of any format becomes: a record, a voiding, or a reject."""

import dataclasses
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

#: What happens to a record of somebody, or something, that nobody knows.
Missing: TypeAlias = Literal["reject", "null", "create"]

Kind: TypeAlias = Literal["user", "course", "lesson", "section"]

#: The longest identifier in bytes: the key of an index has less than 2,704.
_LONGEST = 2000

#: Of a line that is too long, so many bytes are kept.
KEPT = 64 * 1024

_ROOT = uuid5(NAMESPACE_URL, "urn:lmsschema:load")


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of a source.

    Attributes:
        raw: Its bytes without the line break; of a line that is too long its beginning.
        number: Its number, from 1.
        position: The bytes before it, uncompressed.
        end: The bytes up to the end of it, with its line break.
        length: Its own bytes.
    """

    raw: bytes
    number: int
    position: int
    end: int
    length: int


class RejectError(Exception):
    """A line can't be loaded.

    Args:
        reason: The reason in one word, by which rejects are counted.
        detail: What exactly.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail[:500].replace("\0", "\ufffd").encode(errors="replace").decode()


@dataclasses.dataclass(frozen=True, slots=True)
class Reject:
    """A line that is kept beside the tables.

    Attributes:
        line: The line.
        reason: The reason in one word.
        detail: What exactly.
        state: ``rejected``; ``changed`` if it was loaded, but not as it was.
    """

    line: Line
    reason: str
    detail: str = ""
    state: Literal["rejected", "changed"] = "rejected"

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what is kept of the line."""
        return hashlib.sha256(self.line.raw).digest()


@dataclasses.dataclass(frozen=True, slots=True)
class Entity:
    """Whom or what a record is about, as its source calls it.

    Attributes:
        key: Its identifier, with what kind of identifier it is before.
        title: Its name, for a row that is made for it.
        email: A user's e-mail address, if the source has it.
        makeable: Whether a row may be made for it; a group of users has none.
        interaction: A section's ``interaction_type``.
    """

    key: str
    title: str = ""
    email: str | None = None
    makeable: bool = True
    interaction: str = "read"


@dataclasses.dataclass(slots=True)
class Record:
    """An event, as all formats have it; a row of ``learning_events`` but for its references.

    Attributes:
        id: Its id.
        at: When it happened.
        actor: The user; None: nobody in particular.
        course: The course.
        lesson: The lesson; only with a course.
        section: The section; only with a course.
        type: ``event_type``.
        category: ``event_category``.
        action: ``event_action``.
        session: ``session_id``.
        context: ``learning_context``, as JSON.
        data: ``event_data``, as JSON.
        changed: Why it is not what the line says; "" if it is.
        unknown_verb: The verb, if its category is not known.
    """

    id: UUID
    at: datetime
    actor: Entity | None
    course: Entity | None
    lesson: Entity | None
    section: Entity | None
    type: str
    category: str
    action: str
    session: UUID
    context: bytes
    data: bytes
    changed: str = ""
    unknown_verb: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Voiding:
    """A statement that voids another one.

    Attributes:
        target: The statement that is void.
        by: The statement that says so.
    """

    target: UUID
    by: UUID


class Format(Protocol):
    """Makes records of the lines of a source."""

    @property
    def name(self) -> str:
        """What it is called."""

    def parts(self, raw: bytes) -> Iterable[bytes]:
        """Return what a line has, if it may have several events; else the line itself."""

    def read(self, raw: bytes) -> Record | Voiding | None:
        """Return what a line, or a part of it, means; None if it means nothing.

        Raises:
            RejectError: It can't be loaded.
        """


def namespace(institution: UUID) -> UUID:
    """Return the namespace of the UUIDs that are made for an institution."""
    return uuid5(_ROOT, str(institution))


def identifier(*parts: str) -> str:
    """Return the key of an identifier; one that is too long for an index is named by its digest."""
    key = "|".join(parts)
    if 4 * len(key) <= _LONGEST or len(key.encode()) <= _LONGEST:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()
