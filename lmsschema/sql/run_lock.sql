-- Take the run lock of a schema of this database, until the transaction ends; false if another has it.
-- The timeout that ends idle transactions would end the run's lock with it.
SELECT
    pg_catalog.pg_try_advisory_xact_lock(
        pg_catalog.hashtextextended('lmsschema run ' || %(schema)s::text, 0)
    ) AS taken
FROM (SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true)) AS setting
