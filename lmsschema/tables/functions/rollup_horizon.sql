-- Up to when all that is to come is here: some time ago, and before the oldest transaction of others
-- that may still write. One that is older than an hour and has written nothing is not waited for:
-- a dump. Who may not see others' transactions (pg_read_all_stats) relies on the lag.
CREATE FUNCTION rollup_horizon(lag INTERVAL) RETURNS TIMESTAMP WITH TIME ZONE
LANGUAGE sql VOLATILE AS $$
    SELECT least(clock_timestamp() - lag, min(a.xact_start) - INTERVAL '1 microsecond')
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND a.backend_type <> 'autovacuum worker'
        AND (a.backend_xid IS NOT NULL OR a.xact_start > clock_timestamp() - INTERVAL '1 hour')
$$
