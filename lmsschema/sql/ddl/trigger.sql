-- A trigger of a table by its name.
SELECT
    pg_catalog.pg_get_triggerdef(t.oid, TRUE) AS definition,
    t.tgenabled <> 'D' AS fires
FROM pg_catalog.pg_trigger AS t
INNER JOIN pg_catalog.pg_class AS c ON t.tgrelid = c.oid
WHERE
    c.relnamespace = schema_oid(pg_catalog.current_schema())
    AND c.relname = %(table)s
    AND t.tgname = %(trigger)s
    AND NOT t.tgisinternal
