-- Which of these extensions are available on the server, and not installed in the database.
SELECT a.name
FROM pg_catalog.pg_available_extensions AS a
WHERE a.name = any(%(names)s::name []) AND a.installed_version IS NULL
ORDER BY a.name
