"""The statements of a learning management system, by name: each index says which it serves.

They are in ``lmsschema/sql/workload/statements.sql``, as an application would send them: without a
schema, with psycopg's parameters.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FILE = Path(__file__).parent / "sql" / "workload" / "statements.sql"
_BLOCK = re.compile(r"^-- (\w+), (\w+): (.+)\n((?:(?!--).+\n)+)", re.MULTILINE)
_PARAMETER = re.compile(r"%\((\w+)\)s")


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        name: What the indexes that serve it call it.
        kind: ``read``, ``write`` or ``delete``.
        purpose: Who asks it, and when.
        text: The SQL, with parameters such as ``%(user_id)s``; no semicolon at its end.
    """

    name: str
    kind: str
    purpose: str
    text: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of its parameters, each once, in the order of their first use."""
        return tuple(dict.fromkeys(_PARAMETER.findall(self.text)))


@functools.cache
def statements() -> Mapping[str, Statement]:
    """Return the statements by their names, in the order in which the file has them."""
    blocks = _BLOCK.findall(_FILE.read_text("utf-8"))
    return MappingProxyType(
        {
            name: Statement(name, kind, purpose, text.strip().removesuffix(";"))
            for name, kind, purpose, text in blocks
        }
    )
