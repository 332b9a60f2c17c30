-- The institution of a domain, however it is written, the server's time, and its time zone (%(domain)s).
SELECT
    id,
    pg_catalog.now(),
    coalesce(timezone, 'UTC')
FROM institutions
WHERE pg_catalog.lower(domain) = pg_catalog.lower(%(domain)s)
