-- When this database's statistics were reset (NULL: never), and whether others' sessions are hidden.
SELECT
    s.stats_reset,
    pg_catalog.now() AS now,
    pg_catalog.pg_is_in_recovery() AS standby,
    EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity AS a
        WHERE
            a.datname = pg_catalog.current_database()
            AND a.usesysid IS NOT NULL
            AND a.state IS NULL
            AND a.xact_start IS NULL
            AND a.backend_start IS NULL
    ) AS sessions_hidden
FROM pg_catalog.pg_stat_database AS s
WHERE s.datname = pg_catalog.current_database()
