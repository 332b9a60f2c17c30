"""A step of one index profile: done where the database has another one.

Revisions build what ``faithful`` has. A later one that adds an index to one profile alone, or takes
one from it, says so: ``OfProfile("lean", Index(...))``. Its locks are those of the step.
"""

import dataclasses
import textwrap
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema import names
from lmsschema.database import profile
from lmsschema.ddl.rules import Rule
from lmsschema.ddl.steps import Step
from lmsschema.locks.context import Context

_DO = """\
-- lmsschema upgrade asks for the index profile, and lets writers go on where it can
DO $profile$
BEGIN
    IF coalesce((SELECT s.profile FROM lmsschema_settings AS s), {default}) = {profile} THEN
{statements}
    END IF;
END
$profile$"""


@dataclasses.dataclass(frozen=True)
class OfProfile:
    """A step of one index profile.

    Attributes:
        profile: The profile.
        step: The step.
    """

    profile: str
    step: Step

    def __str__(self) -> str:
        return str(self.step)

    @property
    def table(self) -> str | None:
        """The table that the step is about."""
        return getattr(self.step, "table", None)

    def done(self, conn: psycopg.Connection) -> bool:
        """Whether it is done, or the database has another profile."""
        return self._elsewhere(conn) or self.step.done(conn)

    def rules(self, conn: psycopg.Connection) -> Sequence[Rule]:
        """Return the rules that the step brings."""
        return [] if self._elsewhere(conn) else self.step.rules(conn)

    def apply(self, context: Context) -> None:
        """Do what is missing of it."""
        with context.database.transaction(read_only=True) as conn:
            if self.done(conn):
                return
        self.step.apply(context)

    def statements(self) -> list[str]:
        """Return it as SQL that asks for the profile: a block, in which nothing is concurrent."""
        body = ";\n".join(self.step.statements()).replace(" CONCURRENTLY", "") + ";"
        text = sql.SQL(_DO).format(
            default=names.FAITHFUL,
            profile=self.profile,
            statements=sql.SQL(textwrap.indent(body, " " * 8)),
        )
        return [text.as_string()]

    def _elsewhere(self, conn: psycopg.Connection) -> bool:
        return profile.of(conn).profile != self.profile
