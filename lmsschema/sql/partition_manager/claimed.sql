-- Whether a run has claimed the partitions of a table.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
        WHERE
            l.locktype = 'advisory'
            AND l.granted
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
            AND l.classid::bigint = ((k.id >> 32) & 4294967295)
            AND l.objid::bigint = (k.id & 4294967295)
            AND l.objsubid = 1
    ) AS claimed
FROM (
    SELECT
        pg_catalog.hashtextextended(
            'lmsschema partitions ' || %(schema)s::text || '.' || %(table)s::text, 0
        ) AS id
) AS k
