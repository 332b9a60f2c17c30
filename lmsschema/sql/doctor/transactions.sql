-- Transactions of this database that are older than an age, and hold a snapshot or a lock on a table of a
-- schema.
SELECT
    a.pid,
    a.usename AS user_name,
    a.application_name,
    a.state,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS age,
    a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL AS holds_snapshot,
    pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 120) AS query_text,
    locked.tables
FROM pg_catalog.pg_stat_activity AS a
CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT DISTINCT c.relname::text
        FROM pg_catalog.pg_locks AS l
        INNER JOIN pg_catalog.pg_class AS c ON l.relation = c.oid
        WHERE
            l.pid = a.pid
            AND l.granted
            AND l.locktype = 'relation'
            AND l.database = a.datid
            AND c.relkind IN ('r', 'p', 'm', 'S', 'v')
            AND c.relnamespace = schema_oid(%(schema)s)
        ORDER BY 1
    ) AS tables
) AS locked
WHERE
    a.datname = pg_catalog.current_database()
    AND a.backend_type = 'client backend'
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) >= %(age)s
    AND (
        a.backend_xid IS NOT NULL
        OR a.backend_xmin IS NOT NULL
        OR pg_catalog.cardinality(locked.tables) > 0
    )
ORDER BY a.xact_start
