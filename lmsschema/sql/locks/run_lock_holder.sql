-- Who holds the run lock of a schema.
SELECT
    l.pid,
    a.usename AS user_name,
    pg_catalog.to_char(a.xact_start, 'HH24:MI:SS TZ') AS since
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON l.pid = a.pid
INNER JOIN
    (
        SELECT pg_catalog.hashtextextended('lmsschema run ' || %(schema)s::text, 0) AS id
    ) AS k
    ON
        l.classid::bigint = ((k.id >> 32) & 4294967295)
        AND l.objid::bigint = (k.id & 4294967295)
WHERE
    l.locktype = 'advisory'
    AND l.granted
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
LIMIT 1
