-- Make users (%(institution)s, %(ids)s, %(titles)s: their addresses). An address of another user is left.
INSERT INTO users (id, institution_id, email, username, role)
SELECT
    n.id,
    %(institution)s,
    n.email,
    'x-' || pg_catalog.replace(n.id::text, '-', ''),
    'student'::user_role
FROM unnest(%(ids)s::uuid [], %(titles)s::text []) AS n (id, email)
ORDER BY n.id
ON CONFLICT DO NOTHING
