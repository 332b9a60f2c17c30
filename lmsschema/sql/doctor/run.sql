-- For how long the session with the run lock has held it, and for how long its run's sessions were idle.
SELECT
    holder.application_name,
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - holder.xact_start) AS age,
    (
        SELECT
            min(
                CASE
                    WHEN a.state = 'active' THEN 0
                    ELSE pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change)
                END
            )
        FROM pg_catalog.pg_stat_activity AS a
        WHERE
            a.datname = holder.datname
            AND a.usesysid = holder.usesysid
            AND a.application_name = holder.application_name
            AND a.client_addr IS NOT DISTINCT FROM holder.client_addr
            AND a.pid <> pg_catalog.pg_backend_pid()
    ) AS quiet_for
FROM pg_catalog.pg_stat_activity AS holder
WHERE holder.pid = %(pid)s
