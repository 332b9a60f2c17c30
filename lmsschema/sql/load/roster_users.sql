-- Insert users, and update those that are not what the roster says (%(institution)s). What it does not
-- say stays. Returns how many were inserted, and how many updated.
WITH done AS (
    INSERT INTO users AS t (
        id, institution_id, email, username, role, profile, accessibility_needs
    )
    SELECT
        s.id,
        %(institution)s,
        coalesce(
            s.data ->> 'email',
            u.email,
            pg_catalog.replace(s.id::text, '-', '') || '@pseudonym.invalid'
        ),
        s.data ->> 'username',
        coalesce(s.data ->> 'role', r.role, u.role::text, 'observer')::user_role,
        coalesce(u.profile, '{}') || coalesce(s.data -> 'profile', '{}'),
        coalesce(u.accessibility_needs, '{}') || coalesce(s.data -> 'needs', '{}')
    FROM roster_stage AS s
    LEFT JOIN users AS u ON s.id = u.id
    LEFT JOIN (
        SELECT DISTINCT ON (key)
            key,
            data ->> 'role' AS role
        FROM roster_stage
        WHERE kind = 'role' AND reason IS NULL
        ORDER BY key, (data ->> 'primary')::boolean DESC, data ->> 'role'
    ) AS r ON s.key = r.key
    WHERE s.kind = 'user' AND s.reason IS NULL
    ORDER BY s.id
    ON CONFLICT (id) DO UPDATE
    SET
        email = excluded.email,
        username = excluded.username,
        role = excluded.role,
        profile = excluded.profile,
        accessibility_needs = excluded.accessibility_needs
    WHERE
        (t.email, t.username, t.role, t.profile, t.accessibility_needs)
        IS DISTINCT FROM (
            excluded.email, excluded.username, excluded.role, excluded.profile,
            excluded.accessibility_needs
        )
    RETURNING t.xmax = 0 AS is_new
)

SELECT
    count(*) FILTER (WHERE is_new),
    count(*) FILTER (WHERE NOT is_new)
FROM done
