-- Who a session waits for, the oldest transaction first; prepared transactions have no process.
-- Behind a pooler the process is ours only as long as it runs the transaction that is ours.
WITH waiting AS (
    SELECT
        a.pid,
        pg_catalog.pg_blocking_pids(a.pid) AS pids
    FROM pg_catalog.pg_stat_activity AS a
    WHERE
        a.pid = %(pid)s
        AND (NOT %(pooled)s OR (pg_catalog.date_part('epoch', a.xact_start) * 1000000)::bigint = %(since)s)
),

found AS (
    SELECT
        b.pid,
        b.usename::text AS user_name,
        b.xact_start AS since,
        b.state,
        pg_catalog.left(pg_catalog.regexp_replace(b.query, '\s+', ' ', 'g'), 120) AS query_text
    FROM waiting AS w
    CROSS JOIN LATERAL unnest(w.pids) AS blocking (pid)
    INNER JOIN pg_catalog.pg_stat_activity AS b ON blocking.pid = b.pid
    WHERE b.pid <> pg_catalog.pg_backend_pid() AND b.pid <> ALL(%(ours)s::int[])
    UNION ALL
    SELECT DISTINCT
        NULL::int AS pid,
        x.owner::text AS user_name,
        x.prepared AS since,
        'prepared' AS state,
        x.gid AS query_text
    FROM waiting AS w
    INNER JOIN pg_catalog.pg_locks AS l ON w.pid = l.pid AND NOT l.granted
    INNER JOIN pg_catalog.pg_locks AS h
        ON l.database = h.database AND l.relation = h.relation AND h.granted AND h.pid IS NULL
    INNER JOIN pg_catalog.pg_locks AS t
        ON h.virtualtransaction = t.virtualtransaction AND t.locktype = 'transactionid' AND t.pid IS NULL
    INNER JOIN pg_catalog.pg_prepared_xacts AS x ON t.transactionid = x.transaction
    WHERE 0 = any(w.pids)
)

SELECT
    f.pid,
    f.user_name,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - f.since) AS age,
    f.state,
    f.query_text
FROM found AS f
ORDER BY f.since
LIMIT 3
