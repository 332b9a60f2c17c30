-- Make courses (%(institution)s, %(ids)s, %(titles)s).
INSERT INTO courses (
    id, institution_id, title, description, subject_area, difficulty_level, status
)
SELECT
    n.id,
    %(institution)s,
    n.title,
    '',
    'unknown',
    'intermediate'::course_difficulty,
    'published'::course_status
FROM unnest(%(ids)s::uuid [], %(titles)s::text []) AS n (id, title)
ORDER BY n.id
ON CONFLICT DO NOTHING
