"""What ``create_all`` makes beside the tables: functions, triggers, settings, and partitions.

It may run again, and with an application's own tables in the same metadata: what the schema has
already stays as it is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, MetaData, Table, event, func, select, text
from sqlalchemy.schema import SetTableComment

from lmsschema.names import EVENTS
from lmsschema.tables import profiles
from lmsschema.tables.routines import functions, triggers
from lmsschema.tables.settings import settings
from lmsschema.tables.updated_at import ddl

_FUNCTION = text("""
    SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgfoid = f.oid)
    FROM pg_catalog.pg_proc AS f
    WHERE f.oid = pg_catalog.to_regprocedure(
        pg_catalog.quote_ident(current_schema()) || '.' || :signature
    )
""")


def listen(metadata: MetaData) -> None:
    """Have ``create_all`` and ``drop_all`` of the metadata treat what belongs to its tables.

    Args:
        metadata: With the schema's own tables; those that an application adds are not meant.
    """
    own = frozenset(metadata.tables.values())

    def before_create(
        _: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object
    ) -> None:
        if not own.isdisjoint(tables):
            _refuse_another_schema(metadata, bind)
            _make_functions(bind)
            settings.create(bind, checkfirst=_online(bind))

    def after_drop(_: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object) -> None:
        if own.issubset(tables):
            _drop_functions(bind)
            settings.drop(bind, checkfirst=_online(bind))

    event.listen(metadata, "before_create", before_create, insert=True)  # before the types
    event.listen(metadata, "after_drop", after_drop)
    event.listen(metadata.tables[EVENTS], "after_create", _make_partitions)
    profiles.listen(own)
    for table in own:
        for trigger in triggers(table):
            event.listen(table, "after_create", trigger)


def _make_functions(bind: Connection) -> None:
    """Make the functions that are not there."""
    for signature, function in functions().items():
        if not (_online(bind) and _callers(bind, signature)):
            bind.execute(function)


def _drop_functions(bind: Connection) -> None:
    """Drop the functions that no trigger calls."""
    for signature in functions():
        if not _online(bind) or _callers(bind, signature) == [False]:
            bind.execute(ddl(f"DROP FUNCTION {signature}"))


def _callers(bind: Connection, signature: str) -> list[bool]:
    """Return whether a trigger calls the function; empty where there is no function."""
    return list(bind.scalars(_FUNCTION, {"signature": signature}))


def _refuse_another_schema(metadata: MetaData, bind: Connection) -> None:
    """Raise UsageError where tables are to be made in another schema than the connection's.

    Function, triggers and partitions would be made in the connection's.
    """
    translated = bind.get_execution_options().get("schema_translate_map") if _online(bind) else None
    schema = (translated or {}).get(metadata.schema)
    if schema is not None:
        from lmsschema.errors import UsageError

        raise UsageError(
            f"create_all can't make lmsschema's tables in schema {schema}",
            hint=f"Run lmsschema upgrade --schema {schema}, or call lmsschema.api.upgrade.",
        )


def _make_partitions(table: Table, bind: Connection, **_: object) -> None:
    """Make the partitions of learning_events that ``lmsschema upgrade`` leaves."""
    from lmsschema.partitions import LEARNING_EVENTS, Create, for_values, plan

    now = bind.scalar(select(func.now())) if _online(bind) else None
    for action in plan(LEARNING_EVENTS, [], now or datetime.now(UTC)):
        if isinstance(action, Create):  # as are all where there is nothing yet
            name, bounds = action.name, for_values(action.range)
            bind.execute(
                ddl(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL EXCLUDING IDENTITY)")
            )
            bind.execute(SetTableComment(Table(name, MetaData(), comment=table.comment)))
            bind.execute(ddl(f"ALTER TABLE {table.name} ATTACH PARTITION {name} {bounds}"))


def _online(bind: object) -> bool:
    """Whether statements are run, and not only written by ``create_mock_engine``."""
    return isinstance(bind, Connection)
