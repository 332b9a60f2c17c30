-- The extensions that somebody has installed in the database.
SELECT e.extname AS name
FROM pg_catalog.pg_extension AS e
WHERE e.oid >= 16384 -- those of initdb are no one's choice
ORDER BY e.extname
