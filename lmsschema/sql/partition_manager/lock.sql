-- Claim the partitions of a table for this transaction; false if another run has them.
SELECT pg_catalog.pg_try_advisory_xact_lock(
    pg_catalog.hashtextextended('lmsschema partitions ' || %(schema)s::text || '.' || %(table)s::text, 0)
) AS claimed
