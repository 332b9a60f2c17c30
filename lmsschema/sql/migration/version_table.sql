-- Whether the version table is there.
SELECT pg_catalog.to_regclass('lmsschema_version') IS NOT NULL AS present
