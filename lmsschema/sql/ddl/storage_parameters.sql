-- The storage parameters of a table, as name=value; those of its TOAST table begin with "toast.".
SELECT
    c.relkind::text AS kind,
    array(
        SELECT pg_catalog.unnest(settable_options(c.reloptions))
        UNION ALL
        SELECT 'toast.' || o.parameter FROM pg_catalog.unnest(settable_options(t.reloptions)) AS o (parameter)
    ) AS parameters
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_class AS t ON c.reltoastrelid = t.oid
WHERE c.relnamespace = schema_oid(pg_catalog.current_schema()) AND c.relname = %(table)s
