"""The configuration file: ``lmsschema.toml``, or ``[tool.lmsschema]`` in ``pyproject.toml``.

The file is read from the path in LMSSCHEMA_CONFIG if that is set, else from the current folder. The
command line overrides the environment, and the environment overrides the file. Others may read the
file, so it contains no secret: it names the database by a service, or names the environment
variable that contains the URL.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmsschema.errors import UsageError

if TYPE_CHECKING:
    from lmsschema.partitions import Policy

VARIABLE = "LMSSCHEMA_CONFIG"

_OWN, _SHARED = "lmsschema.toml", "pyproject.toml"

#: The keys of the file, with their types.
_KEYS: Mapping[str, type] = {
    "service": str,
    "url-env": str,
    "schema": str,
    "ignore": list,
    "ahead": int,
    "retention": str,
    "tables": dict,
    "extensions": list,
}

#: The keys of a further partitioned table, with their types.
_OF_A_TABLE: Mapping[str, type] = {
    "key": str,
    "interval": str,
    "ahead": int,
    "default": bool,
    "retention": str,
}

#: What an extension may be, and what has to be said of it besides.
_KINDS = ("column", "index", "constraint", "trigger")
_OF_AN_EXTENSION: Mapping[str, type] = {"on": str, "reason": str, **dict.fromkeys(_KINDS, str)}

_INTERVALS = ("month", "week", "day")

_TYPES = {
    str: "a string",
    int: "a number",
    bool: "true or false",
    list: "an array",
    dict: "a table",
}

_HINT = (
    "Name a service of pg_service.conf (key service), or the environment variable that contains "
    "the URL (key url-env)."
)


@dataclasses.dataclass(frozen=True)
class SchemaExtension:
    """Something that a site has on a table of the schema besides, as it is meant to be.

    Attributes:
        on: The table.
        kind: What it is: one of column, index, constraint, trigger.
        name: Its name.
        reason: Why it is there.
    """

    on: str
    kind: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.on}: {self.kind} {self.name}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The content of a configuration file.

    Attributes:
        file: The file's path, for messages.
        service: The libpq service that names the database; None if not set.
        url_env: The environment variable that contains the database's URL; None if not set.
        schema: The schema to work in; None for the connection's own.
        ignore: Patterns of differences that `check` and `adopt` leave out.
        ahead: How many months `partitions ensure` creates ahead; None for the policy's.
        retention: How long `partitions prune` keeps rows, such as "24m"; None for the policy's.
        tables: Further partitioned tables, each with the arguments of its policy.
        extensions: What the site has on the schema's tables besides.
    """

    file: str
    service: str | None = None
    url_env: str | None = None
    schema: str | None = None
    ignore: tuple[str, ...] = ()
    ahead: int | None = None
    retention: str | None = None
    tables: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    extensions: tuple[SchemaExtension, ...] = ()

    def policies(self) -> "tuple[Policy, ...]":
        """Return the policies of the further partitioned tables.

        Raises:
            UsageError: One can't be.
        """
        from lmsschema.partitions import POLICIES, Policy

        for policy in POLICIES:
            if policy.table in self.tables:
                raise UsageError(
                    f"{self.file}: tables.{policy.table}: lmsschema declares this table itself",
                    hint="Its months ahead and retention are keys of their own: ahead, retention.",
                )
        try:
            return tuple(Policy(name, **given) for name, given in self.tables.items())
        except ValueError as error:
            raise UsageError(f"{self.file}: {error}") from error


def read(environ: Mapping[str, str]) -> Configuration | None:
    """Return the content of the configuration file; None if there is no such file.

    Args:
        environ: The process's environment.

    Raises:
        UsageError: The file can't be read, has an unknown key or a value of a wrong type, or
            contains a secret.
    """
    named = environ.get(VARIABLE)
    if named is not None:
        return _parse(Path(named))
    for path in (Path(_OWN), Path(_SHARED)):
        # usually there is no such file: don't import the parser
        if path.is_file() and (path.name == _OWN or b"[tool.lmsschema" in path.read_bytes()):
            return _parse(path)
    return None


def _parse(path: Path) -> Configuration:
    import tomllib

    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read as TOML: {error}") from error
    if path.name == _SHARED:
        found = found.get("tool", {}).get("lmsschema", {})
    file = str(path)
    _refuse_secrets(file, found)
    _check(file, "", found, _KEYS)
    for table, policy in found.get("tables", {}).items():
        if not isinstance(policy, dict) or "key" not in policy:
            raise UsageError(
                f"{file}: tables.{table} has no partition key",
                hint='Name the column, for example: key = "at".',
            )
        _check(file, f"tables.{table}.", policy, _OF_A_TABLE)
        if policy.get("interval", "month") not in _INTERVALS:
            raise UsageError(
                f"{file}: tables.{table}.interval must be one of {', '.join(_INTERVALS)}"
            )
    ignore = found.get("ignore", [])
    if not all(isinstance(one, str) for one in ignore):
        raise UsageError(f"{file}: ignore must be an array of strings")
    if "service" in found and "url-env" in found:
        raise UsageError(
            f"{file} names the database twice: by service and by url-env",
            hint="Remove one of the two.",
        )
    values = {key.replace("-", "_"): value for key, value in found.items()}
    extensions = tuple(_extension(file, one) for one in found.get("extensions", []))
    return Configuration(file, **values | {"ignore": tuple(ignore), "extensions": extensions})


def _extension(file: str, given: object) -> SchemaExtension:
    """Return one of the list ``extensions``."""
    if not isinstance(given, dict):
        raise UsageError(f"{file}: extensions must be tables", hint="Write each: [[extensions]]")
    _check(file, "extensions.", given, _OF_AN_EXTENSION)
    kinds = [kind for kind in _KINDS if kind in given]
    if len(kinds) != 1 or not given.get("on"):
        raise UsageError(
            f"{file}: an extension does not say what it is",
            hint='Name its table and one thing on it: on = "users", and column = "phone" (or '
            "index, constraint, trigger).",
        )
    [kind] = kinds
    if not given.get("reason", "").strip():
        raise UsageError(
            f"{file}: the extension {kind} {given[kind]} of {given['on']} has no reason",
            hint='Say why it is there: reason = "..."',
        )
    return SchemaExtension(given["on"], kind, given[kind], given["reason"])


def _check(file: str, place: str, found: Mapping[str, object], known: Mapping[str, type]) -> None:
    """Raise UsageError unless every key is known and its value has the right type."""
    for key, value in found.items():
        if key not in known:
            raise UsageError(
                f"{file}: unknown key {place}{key}", hint=f"Known keys: {', '.join(known)}."
            )
        if not isinstance(value, known[key]) or (known[key] is int and isinstance(value, bool)):
            raise UsageError(f"{file}: {place}{key} must be {_TYPES[known[key]]}")


def _refuse_secrets(file: str, found: Mapping[str, object]) -> None:
    """Raise UsageError if the file contains a URL or a password; the message does not show it."""
    for key, value in found.items():
        plain = key.lower().replace("-", "_")
        secret = plain in {"url", "database_url", "dsn"} or "passw" in plain
        if secret or (isinstance(value, str) and ("://" in value or "password" in value.lower())):
            raise UsageError(
                f"{file}: {key} may contain a secret, which is not allowed in this file",
                hint=_HINT,
            )
