-- How far the builds of indexes on a table are, with whom each waits for.
SELECT
    p.pid,
    p.phase,
    p.blocks_done,
    p.blocks_total,
    p.tuples_done,
    p.tuples_total,
    p.current_locker_pid
FROM pg_catalog.pg_stat_progress_create_index AS p
INNER JOIN pg_catalog.pg_class AS c ON p.relid = c.oid
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE p.datname = pg_catalog.current_database() AND n.nspname = %(schema)s AND c.relname = %(table)s
