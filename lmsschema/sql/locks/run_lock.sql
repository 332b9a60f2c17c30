-- Take the run lock of a schema of this database, until the transaction ends; false if another has it.
-- The timeouts that end idle or long transactions would end the run's lock with them; the one that
-- ends long ones is not known before 17.
SELECT
    pg_catalog.pg_try_advisory_xact_lock(
        pg_catalog.hashtextextended('lmsschema run ' || %(schema)s::text, 0)
    ) AS taken
FROM
    (
        SELECT
            pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true),
            CASE
                WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL
                    THEN pg_catalog.set_config('transaction_timeout', '0', true)
            END
    ) AS settings
