-- How often rows of a schema's tables were updated, and how often without a new entry in any index.
SELECT
    c.relname AS table_name,
    pg_catalog.pg_stat_get_tuples_updated(c.oid) AS updates,
    pg_catalog.pg_stat_get_tuples_hot_updated(c.oid) AS hot
FROM pg_catalog.pg_class AS c
WHERE c.oid = any(relations_of(%(schema)s)::oid []) AND c.relkind = 'r' AND NOT c.relispartition
ORDER BY c.relname
