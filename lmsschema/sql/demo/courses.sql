-- The courses of the synthetic data; one of an institution is taught by one of its instructors.
INSERT INTO courses (
    id, institution_id, instructor_id, title, description, subject_area, difficulty_level, estimated_hours, tags,
    academic_term, course_code, credit_hours, status, visibility, created_at, updated_at
)
SELECT
    c.id,
    i.id,
    pg_temp.key(3, i.first_instructor + 1 + pg_temp.below(i.instructors - 1, pg_temp.draw(10, c.c))),
    pg_catalog.initcap(w.one) || ' and ' || pg_catalog.initcap(w.two) || ' ' || c.c,
    w.description,
    w.one,
    (ARRAY['beginner', 'intermediate', 'advanced', 'expert'])[1 + mod(pg_temp.draw(6, c.c), 4)]::course_difficulty,
    10 + mod(c.c, 60),
    pg_catalog.jsonb_build_array(w.one, w.two),
    c.term,
    'C' || c.c,
    5,
    (
        CASE
            WHEN c.finish <= %(until)s AND pg_temp.below(100, pg_temp.draw(7, c.c)) < 30 THEN 'archived'
            ELSE 'published'
        END
    )::course_status,
    (CASE WHEN pg_temp.below(100, pg_temp.draw(8, c.c)) < 20 THEN 'public' ELSE 'institution' END)::course_visibility,
    c.start - interval '60 days',
    c.start - interval '60 days'
FROM demo_course AS c
INNER JOIN demo_institution AS i USING (k)
CROSS JOIN LATERAL (
    SELECT
        pg_temp.word(pg_temp.draw(4, c.c)) AS one,
        pg_temp.word(pg_temp.draw(5, c.c)) AS two,
        (
            SELECT pg_catalog.string_agg(pg_temp.word(pg_temp.skewed(pg_temp.draw(13, c.c * 64 + n.n))), ' ' ORDER BY n.n)
            FROM pg_catalog.generate_series(1, 60) AS n (n)
        ) AS description
) AS w
ORDER BY c.c
