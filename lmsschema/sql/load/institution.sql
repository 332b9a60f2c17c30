-- The institution of a domain, however it is written, and the server's time (%(domain)s).
SELECT
    id,
    pg_catalog.now()
FROM institutions
WHERE pg_catalog.lower(domain) = pg_catalog.lower(%(domain)s)
