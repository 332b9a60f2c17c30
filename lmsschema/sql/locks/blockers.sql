-- Who holds locks that conflict with wanted ones, the oldest transaction first; without a table's name: on any.
SELECT
    l.pid,
    coalesce(a.usename, 'unknown') AS user_name,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS age,
    a.state,
    pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 120) AS query_text,
    n.nspname AS schema_name,
    c.relname AS table_name,
    l.mode AS lock_mode,
    l.mode = 'ShareUpdateExclusiveLock' AND coalesce(a.backend_type, 'autovacuum worker') = 'autovacuum worker'
        AS autovacuum
FROM pg_catalog.pg_locks AS l
INNER JOIN pg_catalog.pg_class AS c ON l.relation = c.oid
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN
    ROWS FROM (
        pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(tables)s::text[]), pg_catalog.unnest(%(modes)s::text[])
    ) AS w (schema_name, table_name, mode)
    ON n.nspname = w.schema_name AND (w.table_name IS NULL OR c.relname = w.table_name) AND l.mode = w.mode
LEFT JOIN pg_catalog.pg_stat_activity AS a ON l.pid = a.pid
WHERE
    l.locktype = 'relation'
    AND l.granted
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
ORDER BY a.xact_start ASC NULLS FIRST, l.pid ASC
LIMIT 3
