-- How large and how busy the tables of a schema are, partitions counted with their table.
SELECT
    coalesce(p.relname, c.relname) AS name,
    sum(pg_catalog.pg_relation_size(c.oid))::bigint AS heap_bytes,
    sum(pg_catalog.pg_total_relation_size(c.oid))::bigint AS total_bytes,
    -- ANALYZE counts the rows of the partitions for their table once more
    sum(CASE WHEN c.relkind = 'p' THEN 0 ELSE greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid), 0) END)::bigint AS row_count,
    sum(
        pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
        + pg_catalog.pg_stat_get_tuples_deleted(c.oid)
    )::float8
    / greatest(
        1,
        extract(EPOCH FROM now() - coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time()))
    )::float8 AS writes_per_second
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_stat_database AS d ON d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_inherits AS i ON c.oid = i.inhrelid AND c.relispartition
LEFT JOIN pg_catalog.pg_class AS p ON i.inhparent = p.oid
WHERE c.oid = any(relations_of(%(schema)s)::oid []) AND c.relkind IN ('r', 'p')
GROUP BY coalesce(p.relname, c.relname), d.stats_reset
