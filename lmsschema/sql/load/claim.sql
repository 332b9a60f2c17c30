-- Take the lock of an institution until the transaction ends; false if another load has it (%(key)s).
SELECT
    pg_catalog.pg_try_advisory_xact_lock(
        pg_catalog.hashtextextended(pg_catalog.current_schema() || %(key)s::text, 0)
    ) AS taken
