"""Which database a command works on, as the options, environment or configuration file name it."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from psycopg import ProgrammingError, conninfo, pq

from lmsschema import names
from lmsschema.database import configuration
from lmsschema.database.configuration import Configuration
from lmsschema.errors import UsageError

ACCEPTED = (
    "postgresql://user@host:5432/database, postgres://…, a SQLAlchemy URL such as "
    "postgresql+psycopg://…, or libpq keywords such as 'host=/run/postgresql dbname=lms'"
)

_DRIVERS = ("psycopg", "psycopg_async", "psycopg2", "psycopg2cffi", "asyncpg")

#: URL parameters of these drivers that libpq does not know.
_DRIVER_ONLY = frozenset(
    (
        "async_fallback",
        "command_timeout",
        "max_cacheable_statement_size",
        "max_cached_statement_lifetime",
        "prepare_threshold",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "statement_cache_size",
    )
)

#: libpq's variables that name a server, a database or a login. The others only tune a connection.
LIBPQ_VARIABLES = (
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
)

#: lmsschema's own variables. Those that begin with the prefix are for the tests.
VARIABLES = ("LMSSCHEMA_DATABASE_URL", "LMSSCHEMA_HOME", configuration.VARIABLE)
_OF_TESTS = "LMSSCHEMA_TEST_"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")


@dataclasses.dataclass(frozen=True)
class Target:
    """A database to work on, and the schema in it.

    Attributes:
        conninfo: libpq keyword string. It may contain a password, so it is never shown.
        source: What named the database: ``--url``, a variable's name, ``embedded`` …
        schema: The value of ``--schema``; None for the first schema of the connection's
            search_path.
        label: The database's name in messages, instead of its connection parameters.
    """

    conninfo: str = dataclasses.field(repr=False)
    source: str
    schema: str | None = None
    label: str = ""

    def __str__(self) -> str:
        """Describe the database without a password: ``lms on db.example:5432 as dba``."""
        if self.label:
            return self.label
        given = self.parameters()
        if "service" in given and "host" not in given:
            return f"service {given['service']}"
        hosts = (given.get("host") or given.get("hostaddr") or "the local socket").split(",")
        ports = given.get("port", "").split(",")
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        where = ",".join(f"{h}:{p or 5432}" for h, p in zip(hosts, ports, strict=True))
        user = given.get("user", "")
        return f"{given.get('dbname') or user} on {where} as {user}"

    def parameters(self) -> dict[str, str]:
        """Return the connection's parameters, given ones and libpq's defaults, without secrets."""
        defaults = {
            option.keyword.decode(): option.val.decode()
            for option in pq.Conninfo.get_defaults()
            if option.val
        }
        given = {
            key: str(value)
            for key, value in conninfo.conninfo_to_dict(self.conninfo).items()
            if value not in (None, "")
        }
        merged = defaults | given
        return {key: value for key, value in merged.items() if "password" not in key}

    def password(self) -> str | None:
        """Return the password in the connection string, so that it can be removed from messages."""
        value = conninfo.conninfo_to_dict(self.conninfo).get("password")
        return None if value is None else str(value)


def resolve(
    url: str | None,
    schema: str | None,
    environ: Mapping[str, str],
    configured: Configuration | None = None,
) -> Target | None:
    """Return the database that ``--url``, the environment or the configuration file names.

    Args:
        url: The value of ``--url``, or None.
        schema: The value of ``--schema``, or None.
        environ: The process's environment.
        configured: The content of the configuration file, or None.

    Returns:
        The database; None if nothing names one. The caller then uses the embedded server.

    Raises:
        UsageError: The URL or the schema's name is invalid, or a variable is empty.
    """
    if schema is not None:
        check_schema_name(schema)
    if url is not None:
        return Target(parse(url, "--url"), "--url", schema)
    for variable in ("LMSSCHEMA_DATABASE_URL", "DATABASE_URL"):
        if variable in environ:
            if not environ[variable].strip():
                raise UsageError(
                    f"{variable} is set, but empty",
                    hint="Set it to a URL (is a secret missing?), or unset it.",
                )
            return Target(parse(environ[variable], variable), variable, schema)
    for variable in LIBPQ_VARIABLES:
        if environ.get(variable):
            return Target("", variable, schema)
    if configured is not None and configured.service is not None:
        return Target(conninfo.make_conninfo(service=configured.service), configured.file, schema)
    if configured is not None and configured.url_env is not None:
        source = f"{configured.url_env} (named by {configured.file})"
        return Target(parse(environ.get(configured.url_env, ""), source), source, schema)
    return None


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each unknown variable that begins with ``LMSSCHEMA_``."""
    unknown = sorted(
        name
        for name in environ
        if name.startswith("LMSSCHEMA_")
        and name not in VARIABLES
        and not name.startswith(_OF_TESTS)
    )
    if not unknown:
        return []
    import difflib

    warnings = []
    for name in unknown:
        near = difflib.get_close_matches(name, VARIABLES, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        warnings.append(f"unknown environment variable {name}{meant}")
    return warnings


def parse(url: str, source: str) -> str:
    """Return ``url`` as a libpq keyword string.

    Args:
        url: A URL or a libpq keyword string.
        source: What named the database, for the message.

    Raises:
        UsageError: It is neither, or names another kind of database. The message never contains
            the URL, which may contain a password.
    """
    text = url.strip()
    driver = ""
    if scheme := _SCHEME.match(text):
        name = scheme.group(1).lower()
        kind, _, driver = name.partition("+")
        if kind not in {"postgresql", "postgres"} or (driver and driver not in _DRIVERS):
            raise UsageError(
                f"{source} names a {name}:// database; lmsschema works on PostgreSQL only",
                hint=f"Accepted: {ACCEPTED}.",
            )
        text = "postgresql://" + text[scheme.end() :]
        _refuse_raw_reserved_characters(text, source)
    elif not text:
        raise UsageError(f"{source} is empty", hint=f"Accepted: {ACCEPTED}.")
    try:
        parameters = conninfo.conninfo_to_dict(_for_libpq(text, driver) if driver else text)
    except (ProgrammingError, UnicodeError, ValueError):
        raise UsageError(
            f"{source} is not a valid connection string of libpq",
            hint=f"Accepted: {ACCEPTED}. Percent-encode reserved characters in a password.",
        ) from None
    _check_ports(parameters.get("port"), source)
    return conninfo.make_conninfo("", **{k: v for k, v in parameters.items() if v is not None})


def _for_libpq(url: str, driver: str) -> str:
    """Return a SQLAlchemy URL with the driver's query parameters translated to libpq's."""
    from urllib.parse import parse_qsl, quote, urlencode

    base, _, query = url.partition("?")
    parameters: dict[str, str] = {}
    hosts: Sequence[str] = []
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in _DRIVER_ONLY:
            continue
        if key == "host":
            hosts = [*hosts, value]
        elif driver == "asyncpg" and key == "ssl":
            parameters["sslmode"] = {"true": "require", "false": "disable"}.get(
                value.lower(), value.replace("_", "-")
            )
        elif driver == "asyncpg" and key in ("timeout", "database"):
            parameters[{"timeout": "connect_timeout", "database": "dbname"}[key]] = value
        else:
            parameters[key] = value
    if hosts and all(host.count(":") == 1 for host in hosts):  # SQLAlchemy's HOST:PORT
        hosts, ports = zip(*(host.split(":") for host in hosts), strict=True)
        parameters["port"] = ",".join(ports)
    if hosts:
        parameters["host"] = ",".join(hosts)
    return f"{base}?{urlencode(parameters, quote_via=quote)}" if parameters else base


def check_schema_name(schema: str) -> None:
    """Raise UsageError unless a user can create a schema with that name."""
    if not schema or "\0" in schema:
        problem = "--schema needs a name"
    elif not names.fits(schema):
        problem = (
            f"--schema {schema!r} has {names.size(schema)} bytes; PostgreSQL allows "
            f"{names.MAX_BYTES}"
        )
    elif schema.startswith("pg_") or schema == "information_schema":
        problem = f"--schema {schema!r} is a name reserved by PostgreSQL"
    elif schema == "$user":
        problem = "--schema '$user' is not a schema's name; it has a meaning only in search_path"
    else:
        return
    raise UsageError(problem, hint="Name a schema, for example --schema campus_north.")


def _refuse_raw_reserved_characters(url: str, source: str) -> None:
    """Refuse a URL whose unencoded password would be taken for a host name, and so be shown."""
    authority_and_path = url.removeprefix("postgresql://").split("?", 1)[0]
    authority, _, path = authority_and_path.partition("/")
    if authority.count("@") > 1 or "@" in path:
        raise UsageError(
            f"{source} has an unencoded '@' or '/' in its user or password",
            hint="Percent-encode reserved characters: %40 for '@', %2F for '/', %3A for ':'.",
        )


def _check_ports(port: object, source: str) -> None:
    """Refuse an invalid port, without showing it: it may be part of a password."""
    for one in str(port or "").split(","):
        if one and not (one.isdecimal() and 0 < int(one) < 2**16):
            raise UsageError(
                f"{source} has a port that is not a number from 1 to 65535",
                hint="Percent-encode reserved characters in a password: %2F for '/', %3A for ':'.",
            )
