-- The sections of the synthetic data: eight in each lesson, so 80 in a course.
INSERT INTO sections (
    id, lesson_id, title, content, section_type, order_index, interaction_type, estimated_minutes, created_at, updated_at
)
SELECT
    pg_temp.key(6, c.c * 80 + n.n),
    pg_temp.key(5, c.c * 10 + n.n / 8),
    'Section ' || (n.n / 8 + 1) || '.' || (mod(n.n, 8) + 1),
    pg_catalog.repeat('This part explains one step after the other. ', (12 + mod(n.n * 7 + c.c, 40))::integer),
    (
        ARRAY['introduction', 'content', 'content', 'activity', 'content', 'activity', 'assessment', 'summary']
    )[1 + mod(n.n, 8)]::section_type,
    mod(n.n, 8),
    (
        ARRAY['read', 'watch', 'watch', 'practice', 'read', 'discussion', 'quiz', 'read']
    )[1 + mod(n.n, 8)]::section_interaction,
    8,
    c.start - interval '50 days',
    c.start - interval '50 days'
FROM demo_course AS c
CROSS JOIN pg_catalog.generate_series(0, 79) AS n (n)
ORDER BY c.c, n.n
