-- The institutions of the synthetic data. The first one says what was asked for.
-- Parameters: seed, asked.
INSERT INTO institutions (id, name, domain, education_level, timezone, language, settings, created_at, updated_at)
SELECT
    i.id,
    'Demo University ' || i.k,
    'u' || i.k || '.s' || %(seed)s || '.demo.example',
    'higher_ed',
    (ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Karachi'])[1 + mod(i.k, 3)],
    'en',
    CASE WHEN i.k = 1 THEN pg_catalog.jsonb_build_object('demo', %(asked)s::jsonb) ELSE '{}' END,
    begun.at,
    begun.at
FROM demo_institution AS i
CROSS JOIN (SELECT pg_catalog.min(start) - interval '60 days' AS at FROM demo_term) AS begun
ORDER BY i.k
