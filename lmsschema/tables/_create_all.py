"""What ``create_all`` makes beside the tables: functions, triggers, settings, and partitions.

It may run again, and with an application's own tables in the same metadata: what the schema has
already stays as it is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, MetaData, Table, event, func, select, text
from sqlalchemy.schema import SetTableComment

from lmsschema.names import GRADE_CHANGES
from lmsschema.tables import grading, profiles, views
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

_THERE = text("""
    SELECT f.oid::pg_catalog.regprocedure::text
    FROM pg_catalog.pg_proc AS f INNER JOIN pg_catalog.pg_namespace AS n ON f.pronamespace = n.oid
    WHERE f.proname = ANY (:names) AND n.nspname = current_schema()
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
    _listen_for_grading(metadata, own)
    _listen_for_views(metadata, own)
    event.listen(metadata, "after_drop", after_drop)
    profiles.listen(own)
    for table in own:
        event.listen(table, "after_create", _make_partitions)
        for trigger in triggers(table):
            event.listen(table, "after_create", trigger)


def _listen_for_grading(metadata: MetaData, own: frozenset[Table]) -> None:
    """The same for the functions of grading, whose tables have to be there, and their triggers."""

    def after_create(
        _: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object
    ) -> None:
        made = own.intersection(tables)
        if metadata.tables[GRADE_CHANGES] not in made:
            return
        if not (_online(bind) and _functions(bind)):
            for function in grading.functions():
                bind.execute(function)
        for table in sorted(made, key=lambda table: str(table.name)):
            for trigger in grading.triggers(table):
                bind.execute(trigger)

    def after_drop(_: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object) -> None:
        if own.issubset(tables):
            for name in _functions(bind) if _online(bind) else grading.names():
                bind.execute(ddl(f"DROP FUNCTION {name}"))

    event.listen(metadata, "after_create", after_create)
    event.listen(metadata, "after_drop", after_drop)


def _listen_for_views(metadata: MetaData, own: frozenset[Table]) -> None:
    """The same for the views, which read tables and call functions."""

    def after_create(
        _: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object
    ) -> None:
        if metadata.tables[GRADE_CHANGES] in own.intersection(tables):
            for view in views.create():
                bind.execute(view)

    def before_drop(
        _: MetaData, bind: Connection, *, tables: Sequence[Table], **__: object
    ) -> None:
        if not own.isdisjoint(tables):
            for name in reversed(views.names()):
                bind.execute(ddl(f"DROP VIEW IF EXISTS {name}"))

    event.listen(metadata, "after_create", after_create)
    event.listen(metadata, "before_drop", before_drop)


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


def _functions(bind: Connection) -> list[str]:
    """Return which functions of grading there are, with their arguments."""
    return list(bind.scalars(_THERE, {"names": list(grading.names())}))


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
    """Make the partitions of a table that ``lmsschema upgrade`` leaves, if it has any."""
    if not table.dialect_options["postgresql"]["partition_by"]:
        return
    from lmsschema.partitions import POLICIES, Create, for_values, plan

    now = bind.scalar(select(func.now())) if _online(bind) else None
    [policy] = [policy for policy in POLICIES if policy.table == table.name]
    for action in plan(policy, [], now or datetime.now(UTC)):
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
