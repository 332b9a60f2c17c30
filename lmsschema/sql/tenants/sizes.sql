-- The bytes of the relations of each schema, by the statistics: to begin with the small ones.
SELECT
    n.nspname::text AS schema_name,
    pg_catalog.sum(c.relpages)::bigint * pg_catalog.current_setting('block_size')::bigint AS bytes,
    pg_catalog.sum(greatest(c.reltuples, 0)) FILTER (WHERE c.relkind = 'r')::bigint AS row_count
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = ANY(%(schemas)s)
GROUP BY n.nspname
