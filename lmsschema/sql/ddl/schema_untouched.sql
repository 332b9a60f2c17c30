-- Whether no table of the schema, which names resolve in, takes any room: none has had a row.
SELECT coalesce(sum(pg_catalog.pg_relation_size(c.oid)), 0) = 0 AS untouched
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE
    n.nspname = pg_catalog.current_schema()
    AND c.relkind IN ('r', 'm')
    AND c.relname NOT IN ('lmsschema_version', 'lmsschema_settings')
