-- Which of some extensions a server has, but the database has not.
SELECT a.name
FROM pg_catalog.pg_available_extensions AS a
WHERE a.name = any(%(names)s::name []) AND a.installed_version IS NULL
ORDER BY a.name
