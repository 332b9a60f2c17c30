-- Of the options of a table, an index or something foreign, those that DDL sets: access methods and
-- extensions bring further names, but what begins with pg_ is the server's own.
SELECT pg_catalog.array_agg(o ORDER BY o)
FROM pg_catalog.unnest(options) AS o
WHERE NOT pg_catalog.starts_with(o, 'pg_')
