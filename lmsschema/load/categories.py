"""The category of an event: by what its object is, then by its verb; ``verbs.toml`` has both."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

from lmsschema.errors import UsageError

CATEGORIES = ("navigation", "interaction", "assessment", "progress", "social")

_FILE = Path(__file__).with_name("verbs.toml")


@dataclasses.dataclass(frozen=True, eq=False)
class Categories:
    """What is known of verbs and types of objects.

    Attributes:
        verbs: Category by verb: its IRI, or the last segment of it.
        objects: Category by a text that the type of an object contains, in lower case.
        courses: Types of courses.
        lessons: Types of parts of a course.
        media: Texts that the type of a recording contains.
        caliper: Category by type of a Caliper event.
        edx: Categories with what the names of edX's events contain; the first counts.
    """

    verbs: dict[str, str]
    objects: tuple[tuple[str, str], ...]
    courses: frozenset[str]
    lessons: frozenset[str]
    media: tuple[str, ...]
    caliper: dict[str, str]
    edx: tuple[tuple[str, re.Pattern[str]], ...]

    def of_edx(self, name: str) -> str | None:
        """Return the category of an edX event; None if the name is not known."""
        if name in self.verbs:
            return self.verbs[name]
        return next((category for category, pattern in self.edx if pattern.search(name)), None)

    def of(self, iri: str, kind: str | None) -> str | None:
        """Return the category of an event; None if neither verb nor object is known.

        Args:
            iri: The verb's IRI.
            kind: The type of the object.
        """
        lower = (kind or "").lower()
        for text, category in self.objects:
            if text in lower:
                return category
        found = self.verbs.get(iri) or self.verbs.get(last_segment(iri))
        if found == "assessment" and kind in self.courses:  # a course that is passed or failed
            return "progress"
        if found == "navigation" and any(text in lower for text in self.media):
            return "interaction"
        return found


def last_segment(iri: str) -> str:
    """Return the last part of a verb's IRI, such as ``played``."""
    return iri.rstrip("/#").rsplit("/", 1)[-1].rsplit("#", 1)[-1] or iri


def known(own: Path | None = None) -> Categories:
    """Return what is known of verbs, with those of a file of the site's own.

    Args:
        own: A TOML file with a table ``verbs``: lists of verbs by category.

    Raises:
        UsageError: The file can't be read, or has another form.
    """
    data = tomllib.loads(_FILE.read_text("utf-8"))
    verbs = _by_verb(data["verbs"])
    if own is not None:
        verbs |= _by_verb(_read(own))
    return Categories(
        verbs,
        tuple((text, category) for category, texts in data["objects"].items() for text in texts),
        frozenset(data["activities"]["course"]),
        frozenset(data["activities"]["lesson"]),
        tuple(data["activities"]["media"]),
        _by_verb(data["caliper"]),
        tuple((category, re.compile(text)) for category, text in data["edx"].items()),
    )


def _by_verb(verbs: dict[str, list[str]]) -> dict[str, str]:
    return {verb: category for category, names in verbs.items() for verb in names}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from error
    verbs = found.get("verbs")
    if (
        set(found) != {"verbs"}
        or not isinstance(verbs, dict)
        or not set(verbs) <= set(CATEGORIES)
        or not all(
            isinstance(names, list) and all(isinstance(name, str) for name in names)
            for names in verbs.values()
        )
    ):
        raise UsageError(
            f"{path} is not a table verbs with lists of verbs by category",
            hint='For example: [verbs], then a line: social = ["celebrated"]. The categories are '
            + ", ".join(CATEGORIES)
            + ".",
        )
    return verbs
