-- Who a session waits for, the oldest transaction first.
SELECT
    b.pid,
    b.usename AS user_name,
    extract(EPOCH FROM now() - b.xact_start)::float8 AS age,
    b.state,
    pg_catalog.left(pg_catalog.regexp_replace(b.query, '\s+', ' ', 'g'), 120) AS query
FROM unnest(pg_catalog.pg_blocking_pids(%(pid)s)) AS blocking (pid)
INNER JOIN pg_catalog.pg_stat_activity AS b ON blocking.pid = b.pid
ORDER BY b.xact_start
LIMIT 3
