"""The declared schema: built by PostgreSQL in a scratch schema and read from the catalogs."""

import dataclasses
from collections.abc import Callable, Sequence

import psycopg
from psycopg import errors, sql

from lmsschema import names
from lmsschema.database import catalog, scratch
from lmsschema.database import extensions as site_extensions
from lmsschema.database.catalog import Attributes, Catalog, Identity, Value
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.drift.compare import SITE_ATTRIBUTES
from lmsschema.errors import UsageError
from lmsschema.migration import shadow

#: Errors by which a server refuses to build the schema, besides those of event triggers.
_REFUSED = (errors.InsufficientPrivilege, errors.RaiseException)

#: Objects that belong to the whole database, so that a scratch schema declares none of them.
_OF_THE_DATABASE = frozenset({"extension", "event trigger", "publication"})

#: Created beside the declared schema, to find the grants that default privileges give.
_PROBES = sql.SQL("""\
CREATE TABLE lmsschema_probe_table ();
CREATE SEQUENCE lmsschema_probe_sequence;
CREATE FUNCTION lmsschema_probe() RETURNS int LANGUAGE sql RETURN 1;
CREATE TYPE lmsschema_probe_enum AS ENUM ();
""")
_PROBE_OF_TABLES = Identity("lmsschema_probe_table", "table", "lmsschema_probe_table")
_PROBE_OF_TYPES = Identity("", "enum", "lmsschema_probe_enum")
_PROBE_OF_ROUTINES = Identity("", "function", "lmsschema_probe()")
_PROBE_OF_SEQUENCES = Identity("lmsschema_probe_sequence", "sequence", "lmsschema_probe_sequence")
_PROBE_OF = {
    "table": _PROBE_OF_TABLES,
    "view": _PROBE_OF_TABLES,
    "materialized view": _PROBE_OF_TABLES,
    "foreign table": _PROBE_OF_TABLES,
    "sequence": _PROBE_OF_SEQUENCES,
    "function": _PROBE_OF_ROUTINES,
    "procedure": _PROBE_OF_ROUTINES,
    "aggregate": _PROBE_OF_ROUTINES,
    "enum": _PROBE_OF_TYPES,
    "domain": _PROBE_OF_TYPES,
    "composite type": _PROBE_OF_TYPES,
    "range type": _PROBE_OF_TYPES,
    "type": _PROBE_OF_TYPES,
}


@dataclasses.dataclass(frozen=True)
class Declared:
    """The declared schema.

    Attributes:
        catalog: Its objects; with owners and grants only if the code declares them.
        built_on: The server that built it; "" if it is the database's own.
    """

    catalog: Catalog
    built_on: str = ""


def read(
    database: Database,
    revision: str | None = None,
    *,
    profile: str = names.FAITHFUL,
    shadow_url: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Declared:
    """Build the declared schema and return its catalog.

    It is built on the database's own server if that accepts changes and the role may create
    schemas, else on the embedded server. ``shadow_url`` names another server.

    Args:
        database: The database to compare it with.
        revision: The revision to build; None for the current table definitions.
        profile: The index profile that it is to have.
        shadow_url: The server to build it on.
        notify: Called with a message if it is built on another server.

    Raises:
        UsageError: The other server is older than the database's.
        DatabaseUnavailableError: No server can build it.
    """
    return _read(
        database,
        lambda on, extensions: build(on, revision, extensions, profile=profile),
        shadow_url,
        notify,
    )


def read_each(
    database: Database,
    revisions: Sequence[str],
    *,
    profile: str = names.FAITHFUL,
    shadow_url: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Catalog]:
    """Build revisions one upon the other, as :func:`read` does one; return their catalogs.

    Args:
        database: The database to compare them with.
        revisions: The revisions, the oldest first.
        profile: The index profile that they are to have.
        shadow_url: The server to build them on.
        notify: Called with a message if they are built on another server.

    Raises:
        UsageError: The other server is older than the database's.
        DatabaseUnavailableError: No server can build them.
    """
    built: dict[str, Catalog] = {}

    def make(on: Database, extensions: Sequence[str]) -> Catalog:
        built.update(build_each(on, revisions, extensions, profile=profile))
        return built[revisions[-1]]

    _read(database, make, shadow_url, notify)
    return built


def _read(
    database: Database,
    make: Callable[[Database, Sequence[str]], Catalog],
    shadow_url: str | None,
    notify: Callable[[str], None],
) -> Declared:
    """Have a catalog made where it can be: on the database's server, or on another."""
    why = database.read_only
    if shadow_url is None and not why:
        try:
            return Declared(make(database, ()))
        except psycopg.Error as error:
            triggers = _event_triggers(database, error)
            if not triggers and not isinstance(error, _REFUSED):
                raise
            why = f"{triggers}{error.diag.message_primary}"
    refused = f"{database.target} refused it ({why})" if why else ""
    why = f"the declared schema can't be built on {database.target} ({why})"
    with shadow.server(shadow_url, why) as other:
        place = f"PostgreSQL {other.version}, {other.target}"
        notify(f"the declared schema is built on {place}" + (f": {refused}" if refused else ""))
        if other.version < database.version:
            raise UsageError(
                f"{place} is older than {database.target} with PostgreSQL {database.version}",
                hint="Name a server of the same or a newer version with --shadow-url.",
            )
        with database.transaction(read_only=True) as conn:
            extensions = site_extensions.installed(conn)
        return Declared(make(other, extensions), place)


def _event_triggers(database: Database, error: psycopg.Error) -> str:
    """Return the event triggers whose functions raised an error, as the beginning of a message."""
    with database.transaction(read_only=True) as conn:
        found = conn.execute(
            query("drift/event_triggers"), {"context": error.diag.context or ""}
        ).fetchall()
    return "".join(f"event trigger {name}: " for (name,) in found)


def build(
    database: Database,
    revision: str | None = None,
    extensions: Sequence[str] = (),
    *,
    profile: str = names.FAITHFUL,
) -> Catalog:
    """Build the declared schema in a transaction that is rolled back; return its catalog.

    Args:
        database: The database to build it in.
        revision: As for :func:`read`.
        extensions: Extensions to install first, if they are available, since revisions may use
            them.
        profile: As for :func:`read`.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    if revision is None:
        from lmsschema.migration import schema_script

        with scratch.schema(database) as name:
            site_extensions.install(database.conn, extensions)
            database.conn.execute(_PROBES)
            # what partitions there should be, their policies say
            database.conn.execute(schema_script.render(None, as_of=None, profile=profile).encode())
            return of(catalog.read(database.conn, name))
    return build_each(database, [revision], extensions, profile=profile)[revision]


def build_each(
    database: Database,
    revisions: Sequence[str],
    extensions: Sequence[str] = (),
    *,
    profile: str = names.FAITHFUL,
) -> dict[str, Catalog]:
    """Build revisions one upon the other in a transaction that is rolled back.

    Args:
        database: The database to build them in.
        revisions: The revisions, the oldest first.
        extensions: As for :func:`build`.
        profile: As for :func:`read`.

    Returns:
        The catalog of each.

    Raises:
        psycopg.Error: The server refused a statement.
    """
    from sqlalchemy.exc import DBAPIError

    from lmsschema.migration import profile_steps, runner, schema_script
    from lmsschema.migration import revisions as known

    conn = database.conn
    found: dict[str, Catalog] = {}
    with runner.connection(database) as lent, lent.begin():
        # Alembic neither commits nor ends a transaction that is already open
        name = scratch.create(conn)
        site_extensions.install(conn, extensions)
        conn.execute(_PROBES)
        # else Alembic could find the version table of a schema in which an extension is installed
        conn.execute(schema_script.VERSION_TABLE.encode())

        def read_one(revision: str) -> None:
            if revision in revisions:
                with conn.transaction(force_rollback=True):  # later ones begin without a profile
                    profile_steps.apply_in_transaction(conn, profile, revision)
                    found[revision] = of(catalog.read(conn, name))

        try:
            runner.apply(lent, known.ids()[: known.position(revisions[-1])], read_one)
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.Error):
                raise error.orig from error
            raise
        lent.rollback()
    return found


def of(built: Catalog) -> Catalog:
    """Return the declared part of a catalog: without owners and objects of the whole database.

    Grants are kept unless the role's default privileges give them, as the probes of :func:`build`
    show.
    """
    probes = set(_PROBE_OF.values())
    return dataclasses.replace(
        built,
        objects={
            identity: _without_defaults(identity.kind, attributes, built)
            for identity, attributes in built.objects.items()
            if identity.kind not in _OF_THE_DATABASE and identity not in probes
        },
    )


def _without_defaults(kind: str, attributes: Attributes, built: Catalog) -> Attributes:
    """Return attributes without the owner and grants that every object of the role gets."""
    usual: dict[str, Value] = {"owner": built.role, "grants": None, "revoked": None}
    if kind in _PROBE_OF:
        usual |= built.objects.get(_PROBE_OF[kind], {})
    return {
        name: value
        for name, value in attributes.items()
        if name not in SITE_ATTRIBUTES or value not in (None, usual[name])
    }
