-- The revision that the database is at: one row, or none before the first.
SELECT v.version_num FROM lmsschema_version AS v ORDER BY v.version_num
