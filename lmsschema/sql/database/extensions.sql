-- The extensions that are installed in the database.
SELECT e.extname AS name
FROM pg_catalog.pg_extension AS e
WHERE e.oid >= 16384 -- not those that initdb installs
ORDER BY e.extname
