-- The learners of the synthetic data, and those who teach them.
-- Parameters: seed.
INSERT INTO users (id, institution_id, email, username, role, profile, last_active_at, created_at, updated_at)
SELECT
    p.id,
    p.institution_id,
    p.name || '@u' || p.k || '.s' || %(seed)s || '.demo.example',
    p.name || '-s' || %(seed)s,
    p.role::user_role,
    pg_catalog.jsonb_build_object('locale', (ARRAY['en', 'fr', 'de', 'es'])[1 + mod(p.chance, 4)]),
    p.last_active_at,
    begun.at,
    greatest(begun.at, p.last_active_at)
FROM (
    SELECT
        pg_temp.key(2, u.u) AS id,
        i.id AS institution_id,
        i.k,
        'learner-' || u.u AS name,
        CASE WHEN mod(u.u, 97) = 0 THEN 'ta' ELSE 'student' END AS role,
        pg_temp.draw(2, u.u) AS chance,
        a.at AS last_active_at,
        u.u AS place
    FROM demo_institution AS i
    CROSS JOIN pg_catalog.generate_series(i.first_learner, i.first_learner + i.learners - 1) AS u (u)
    LEFT JOIN (
        SELECT
            s.u,
            -- when the last event was stored
            pg_catalog.max(s.ts) AS at
        FROM demo_event AS s
        WHERE s.k = s.n - 1
        GROUP BY s.u
    ) AS a USING (u)
    UNION ALL
    SELECT
        pg_temp.key(3, u.u),
        i.id,
        i.k,
        'instructor-' || u.u,
        CASE WHEN u.u = i.first_instructor THEN 'admin' ELSE 'instructor' END,
        pg_temp.draw(3, u.u),
        NULL,
        u.u
    FROM demo_institution AS i
    CROSS JOIN pg_catalog.generate_series(i.first_instructor, i.first_instructor + i.instructors - 1) AS u (u)
) AS p
CROSS JOIN (SELECT pg_catalog.min(start) - interval '30 days' AS at FROM demo_term) AS begun
ORDER BY p.role, p.place
