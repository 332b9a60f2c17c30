-- Prepared transactions of this database that are older than an age.
SELECT
    p.gid,
    p.owner,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared) AS age
FROM pg_catalog.pg_prepared_xacts AS p
WHERE
    p.database = pg_catalog.current_database()
    AND pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared) >= %(age)s
ORDER BY p.prepared
