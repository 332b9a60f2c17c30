-- The columns of a table, or of its partitions, by name.
SELECT
    a.attname AS name,
    -- since 18 a NOT NULL need not hold for all rows
    a.attnotnull AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS con
        WHERE con.conrelid = c.oid AND con.contype = 'n' AND a.attnum = any(con.conkey) AND NOT con.convalidated
    ) AS not_null,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS default_value
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE c.relnamespace = schema_oid(pg_catalog.current_schema()) AND c.relname = %(table)s
