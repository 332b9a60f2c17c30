-- An index by its name, as it stands.
SELECT
    t.relname AS table_name,
    x.indisvalid AND x.indisready AND x.indislive AS valid,
    pg_catalog.pg_get_indexdef(i.oid) AS definition,
    i.relkind = 'I' AS is_partitioned
FROM pg_catalog.pg_class AS i
INNER JOIN pg_catalog.pg_index AS x ON i.oid = x.indexrelid
INNER JOIN pg_catalog.pg_class AS t ON x.indrelid = t.oid
WHERE i.relnamespace = schema_oid(pg_catalog.current_schema()) AND i.relname = %(index)s
