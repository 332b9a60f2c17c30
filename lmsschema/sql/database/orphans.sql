-- Databases of processes that have ended. Their names contain the key of the process, and no session of
-- any database holds the advisory lock of that key, which the process held until its end.
SELECT made.datname
FROM (
    SELECT
        d.datname,
        pg_catalog.substring(d.datname, %(pattern)s) AS hex
    FROM pg_catalog.pg_database AS d
) AS made
WHERE made.hex IS NOT NULL
AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'advisory'
    AND l.classid = %(class)s
    AND l.objid = ('x' || made.hex)::bit(32)::bigint
    AND l.objsubid = 2
)
