-- The institution's users with these addresses, in lower case (%(institution)s, %(emails)s).
SELECT
    pg_catalog.lower(email) AS address,
    id
FROM users
WHERE
    institution_id = %(institution)s
    AND pg_catalog.lower(email) = ANY(%(emails)s::text [])
