"""What a template database is named after: all that decides what is in it."""

import functools
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import psycopg

from lmsschema import names, partitions
from lmsschema.database.target import Target
from lmsschema.migration import revisions

TEMPLATE = "lmsschema_template_"
BUILDING = "lmsschema_building_"

_PACKAGE = Path(__file__).parents[1]
_NOT_IN_A_DATABASE = {"cli", "testing", "migrations", "__pycache__"}


@dataclass(frozen=True)
class Text:
    """How a database keeps text.

    Attributes:
        encoding: Its encoding.
        locale: Its locale; None for the server's own, as far as that fits.
    """

    encoding: str = "UTF8"
    locale: str | None = None


UTF8 = Text()


class Addition(Protocol):
    """What a template holds besides head."""

    @property
    def kind(self) -> list[str]:
        """What it shares with its predecessors and successors."""

    def content(self) -> str:
        """Return a digest of all that decides what is in it."""

    def apply(self, target: Target) -> None:
        """Put it into a database, and leave no connection open."""


@dataclass(frozen=True)
class Template:
    """A template that is there or to be built.

    Attributes:
        server: The server, by a database of it; the schema that everything is put into.
        owner: Who owns the template and all that is in it.
        kind: What its predecessors and successors share: schema and owner.
        content: What it holds.
        text: How it keeps text.
        addition: What it holds besides.
        profile: Its index profile.
    """

    server: Target
    owner: str
    kind: str
    content: str
    text: Text = UTF8
    addition: Addition | None = None
    profile: str = names.FAITHFUL

    @property
    def name(self) -> str:
        """Its name when it is complete."""
        return f"{TEMPLATE}{self.kind}_{self.content}"

    @property
    def building(self) -> str:
        """Its name until then."""
        return f"{BUILDING}{self.kind}_{self.content}"


def describe(
    conn: psycopg.Connection,
    server: Target,
    owner: str | None,
    text: Text,
    *,
    addition: Addition | None = None,
    profile: str = names.FAITHFUL,
) -> Template:
    """Return the template that belongs to this program, server, schema, owner, profile and day."""
    [(user, now)] = conn.execute("SELECT current_user, pg_catalog.now()").fetchall()
    kind = [server.schema or "", owner or user]
    if text != UTF8:
        kind += [text.encoding, text.locale or ""]
    if profile != names.FAITHFUL:
        kind += ["", profile]
    content = [_fingerprint(), str(conn.info.server_version), *_partitions(now)]
    if addition is not None:
        kind += ["", *addition.kind]
        content.append(addition.content())
    digests = _digest(kind)[:8], _digest(kind + content)[:24]
    return Template(server, owner or user, *digests, text, addition, profile)


@functools.cache
def _fingerprint() -> str:
    """Return a digest of the code that decides what `upgrade` leaves in a database."""
    digest = hashlib.sha256()
    for top in (_PACKAGE, revisions.folder()):
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(set(folders) - _NOT_IN_A_DATABASE)
            for name in sorted(files):
                if name.endswith((".py", ".sql")):
                    content = Path(folder, name).read_bytes()
                    digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _partitions(now: datetime) -> list[str]:
    """Return what the partitions of a new database are called on that day."""
    plans = (partitions.plan(policy, [], now) for policy in partitions.POLICIES)
    return [action.name for plan in plans for action in plan]


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
