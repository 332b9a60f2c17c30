-- The lessons of the synthetic data: ten in each course.
INSERT INTO lessons (
    id, course_id, title, description, order_index, estimated_minutes, content_type, has_assessment, assessment_weight,
    created_at, updated_at
)
SELECT
    pg_temp.key(5, c.c * 10 + n.n),
    c.id,
    'Lesson ' || (n.n + 1),
    'What lesson ' || (n.n + 1) || ' is about',
    n.n,
    64,
    'mixed',
    TRUE,
    0.1,
    c.start - interval '50 days',
    c.start - interval '50 days'
FROM demo_course AS c
CROSS JOIN pg_catalog.generate_series(0, 9) AS n (n)
ORDER BY c.c, n.n
