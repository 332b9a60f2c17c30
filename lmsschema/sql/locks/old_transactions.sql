-- What an index built CONCURRENTLY would wait for: transactions of this database that hold a snapshot
-- or have written, and have been open for some time; prepared transactions. The oldest first.
-- With a table: what one that is dropped would wait for, transactions that have locked the table.
SELECT
    a.pid,
    a.usename AS user_name,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS age,
    a.state,
    pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 120) AS query_text
FROM pg_catalog.pg_stat_activity AS a
WHERE
    a.datname = pg_catalog.current_database()
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.pid <> ALL(%(ours)s::int[])
    AND CASE
        WHEN %(table)s::text IS NULL THEN a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL
        ELSE
            a.pid IN (
                SELECT l.pid
                FROM pg_catalog.pg_locks AS l
                INNER JOIN pg_catalog.pg_class AS c ON l.relation = c.oid
                INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
                WHERE l.granted AND c.relname = %(table)s AND n.nspname = %(schema)s
            )
    END
    AND a.backend_type = 'client backend'
    AND a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(older)s)
    AND a.pid NOT IN (SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index AS p)
UNION ALL
SELECT
    NULL AS pid,
    x.owner AS user_name,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - x.prepared) AS age,
    'prepared' AS state,
    x.gid AS query_text
FROM pg_catalog.pg_prepared_xacts AS x
WHERE x.database = pg_catalog.current_database()
ORDER BY age DESC
LIMIT 3
