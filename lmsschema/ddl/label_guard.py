"""What keeps new columns like old ones: a CHECK, and a trigger that fires after all others.

The CHECK is the record as well: once it is validated, every row is known to have both alike.
"""

from psycopg import sql

from lmsschema.ddl import backfill
from lmsschema.ddl.label_state import Table

#: Dropped is what a try of these left that knew less columns, or what a partition that was detached
#: since has from its table.
_EXPANSION = (
    sql.SQL("DROP TRIGGER IF EXISTS {trigger} ON {table}"),
    sql.SQL("DROP FUNCTION IF EXISTS {guard}()"),
    sql.SQL("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}"),
    sql.SQL("ALTER TABLE {table} {columns}ADD CONSTRAINT {check} CHECK ({agreement}) NOT VALID"),
    sql.SQL("CREATE FUNCTION {guard}() RETURNS trigger LANGUAGE plpgsql AS {body}"),
    sql.SQL(
        "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION {guard}()"
    ),
    # for what replication writes too
    sql.SQL("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"),
)


def expansion(table: Table) -> sql.Composed:
    """Return the statements that add a table's new columns, the CHECK and the trigger."""
    function = sql.SQL(
        "BEGIN"
        " IF tg_op = 'UPDATE' AND pg_catalog.current_setting({setting}, true) = 'on'"
        " AND pg_catalog.pg_trigger_depth() = 1 THEN"  # not what an AFTER trigger writes elsewhere
        " new := old;"  # whatever other triggers made of the row
        " END IF;"
        " {assignments}"
        " RETURN new;"
        " END"
    ).format(
        setting=sql.Literal(backfill.SETTING),
        assignments=sql.SQL(" ").join(
            sql.SQL("new.{} := new.{};").format(
                sql.Identifier(column.new), sql.Identifier(column.name)
            )
            for column in table.columns
        ),
    )
    return sql.SQL("; ").join(
        part.format(
            table=sql.Identifier(table.name),
            check=sql.Identifier(table.check),
            guard=sql.Identifier(table.guard),
            trigger=sql.Identifier(table.trigger),
            body=sql.Literal(function.as_string()),
            columns=sql.SQL("").join(
                sql.SQL("ADD COLUMN {} {}, ").format(
                    sql.Identifier(column.new), sql.Identifier(table.new_type)
                )
                for column in table.columns
                if not column.has_new
            ),
            agreement=sql.SQL(" AND ").join(column.agrees() for column in table.columns),
        )
        for part in _EXPANSION
    )
