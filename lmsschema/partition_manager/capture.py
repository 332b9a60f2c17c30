"""Note which rows of a table change while it is copied, and bring the copy up to date.

Starting and stopping it locks the table for a moment: SHARE ROW EXCLUSIVE to start (writers wait,
and those at work are waited for, so that nothing is missed), ACCESS EXCLUSIVE to stop. Meanwhile
each change writes the row's primary key into a log, with the rights of the log's owner.
"""

import dataclasses
from collections.abc import Sequence

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query

#: The log's column for what is being brought over: no temporary table, which a role may not make.
_TAKEN = sql.Identifier("lmsschema_taken")


@dataclasses.dataclass(frozen=True)
class Capture:
    """The log of a table's changes.

    Attributes:
        schema: The schema of both.
        table: The table.
        name: The unqualified name of the log table, of the trigger and of its function.
        key: The columns of the table's key.
        columns: The columns of a whole row.
    """

    schema: str
    table: str
    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def log(self) -> sql.Identifier:
        """The log table and, under the same name, the function."""
        return sql.Identifier(self.schema, self.name)

    def listed(self, prefix: str = "") -> sql.Composed:
        """Return the columns of a row as a list."""
        return _listed(self.columns, prefix)


def read(database: Database, table: str, name: str) -> Capture:
    """Read what capturing a table's changes takes; its key is empty if it has no primary key."""
    given = {"schema": database.schema, "table": table}
    key = database.conn.execute(query("partition_manager/primary_key"), given).fetchall()
    columns = database.conn.execute(query("partition_manager/columns"), given).fetchall()
    return Capture(
        database.schema,
        table,
        name,
        tuple(column for (column,) in key),
        tuple(column for (column,) in columns),
    )


def start(conn: psycopg.Connection, capture: Capture) -> None:
    """Start the log, under a SHARE ROW EXCLUSIVE lock on the table."""
    keys = sql.SQL(", ").join(map(sql.Identifier, capture.key))
    new = _listed(capture.key, "new.")
    old = _listed(capture.key, "old.")
    body = sql.SQL(
        "BEGIN"
        " IF tg_op = 'TRUNCATE' THEN INSERT INTO {log} DEFAULT VALUES; RETURN NULL; END IF;"
        " IF tg_op <> 'INSERT' THEN INSERT INTO {log} ({keys}) VALUES ({old}); END IF;"
        " IF tg_op <> 'DELETE' THEN INSERT INTO {log} ({keys}) VALUES ({new}); END IF;"
        " RETURN NULL; END"
    ).format(log=capture.log, keys=keys, old=old, new=new)
    conn.execute(
        sql.SQL(
            # unlogged: no publication has it, and a crash ends the move in any case
            "CREATE UNLOGGED TABLE {log} AS SELECT {keys} FROM ONLY {table} WHERE false;"
            " ALTER TABLE {log} ADD COLUMN {taken} boolean NOT NULL DEFAULT false;"
            " CREATE FUNCTION {log}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS {body};"
            " CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION {log}();"
            " CREATE TRIGGER {truncated} AFTER TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION {log}();"
            # else what replication applies is not noted
            " ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name},"
            " ENABLE ALWAYS TRIGGER {truncated}"
        ).format(
            table=sql.Identifier(capture.table),
            log=capture.log,
            taken=_TAKEN,
            name=sql.Identifier(capture.name),
            truncated=sql.Identifier(f"{capture.name}_truncate"),
            keys=keys,
            body=sql.Literal(body.as_string()),
        )
    )
    _give_to_owner(conn, capture)


def _give_to_owner(conn: psycopg.Connection, capture: Capture) -> None:
    """Let the log and its function belong to the table's owner, whose next run removes them."""
    row = conn.execute(
        sql.SQL(
            "SELECT pg_catalog.pg_get_userbyid(relowner)::text FROM pg_catalog.pg_class"
            " WHERE oid = {}::regclass AND pg_catalog.pg_get_userbyid(relowner) <> current_user"
        ).format(sql.Literal(sql.Identifier(capture.schema, capture.table).as_string()))
    ).fetchone()
    if row is not None:
        conn.execute(
            sql.SQL("ALTER TABLE {0} OWNER TO {1}; ALTER FUNCTION {0}() OWNER TO {1}").format(
                capture.log, sql.Identifier(row[0])
            )
        )


def stop(conn: psycopg.Connection, schema: str, name: str) -> None:
    """Remove a log, its triggers and their function, as far as they are there."""
    conn.execute(
        sql.SQL("DROP FUNCTION IF EXISTS {log}() CASCADE; DROP TABLE IF EXISTS {log}").format(
            log=sql.Identifier(schema, name)
        )
    )


def apply(
    conn: psycopg.Connection, capture: Capture, targets: Sequence[tuple[str, sql.Composable]]
) -> int | None:
    """Bring the copy up to date with what was noted; in a transaction.

    Args:
        conn: In a transaction.
        capture: The log.
        targets: Tables of the copy, each with the condition for the rows that belong there.

    Returns:
        How many changes were noted; None if the table was truncated, so that the copy is worthless.
    """
    first = sql.Identifier(capture.key[0])
    same = sql.SQL(" AND ").join(
        sql.SQL("t.{0} = n.{0}").format(sql.Identifier(name)) for name in capture.key
    )
    conn.execute(sql.SQL("UPDATE {} SET {} = true").format(capture.log, _TAKEN))
    row = conn.execute(
        sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE {} IS NULL) FROM {} AS n WHERE n.{}"
        ).format(first, capture.log, _TAKEN)
    ).fetchone()
    count, truncations = row or (0, 0)
    if truncations:
        return None
    if count:
        for name, where in targets:
            conn.execute(
                sql.SQL(
                    "DELETE FROM ONLY {target} AS t USING {log} AS n WHERE n.{taken} AND {same};"
                    " INSERT INTO {target} ({columns}) SELECT {columns} FROM ONLY {table} AS t"
                    " WHERE {where} AND EXISTS"
                    " (SELECT FROM {log} AS n WHERE n.{taken} AND {same})"
                ).format(
                    target=sql.Identifier(name),
                    table=sql.Identifier(capture.table),
                    log=capture.log,
                    taken=_TAKEN,
                    same=same,
                    where=where,
                    columns=capture.listed(),
                )
            )
    conn.execute(sql.SQL("DELETE FROM {} AS n WHERE n.{}").format(capture.log, _TAKEN))
    return int(count)


def _listed(names: Sequence[str], prefix: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(prefix) + sql.Identifier(name) for name in names)
