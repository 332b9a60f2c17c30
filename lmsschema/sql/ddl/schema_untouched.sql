-- Whether no table of the schema, which names resolve in, takes any room: none has had a row.
SELECT coalesce(sum(pg_catalog.pg_relation_size(c.oid)), 0) = 0 AS untouched
FROM pg_catalog.pg_class AS c
WHERE
    c.oid = any(relations_of(pg_catalog.current_schema())::oid [])
    AND c.relkind IN ('r', 'm')
    AND c.relname NOT IN ('lmsschema_version', 'lmsschema_settings')
