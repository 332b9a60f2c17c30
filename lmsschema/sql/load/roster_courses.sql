-- Insert courses, and update those that are not what the roster says (%(institution)s). What it does not
-- say stays. Returns how many were inserted, and how many updated.
WITH done AS (
    INSERT INTO courses AS t (
        id, institution_id, title, description, subject_area, difficulty_level, academic_term,
        course_code, status, content_structure
    )
    SELECT
        s.id,
        %(institution)s,
        s.data ->> 'title',
        coalesce(s.data ->> 'description', c.description, ''),
        coalesce(s.data ->> 'subject', c.subject_area, 'unknown'),
        coalesce(c.difficulty_level, 'intermediate'),
        coalesce(s.data ->> 'term', c.academic_term),
        coalesce(s.data ->> 'code', c.course_code),
        (s.data ->> 'status')::course_status,
        coalesce(c.content_structure, '{}')
        || CASE
            WHEN s.data ? 'structure'
                THEN
                    pg_catalog.jsonb_build_object(
                        s.data ->> 'system',
                        coalesce(c.content_structure -> (s.data ->> 'system'), '{}')
                        || (s.data -> 'structure')
                    )
            ELSE '{}'
        END
    FROM roster_stage AS s
    LEFT JOIN courses AS c ON s.id = c.id
    WHERE s.kind = 'course' AND s.reason IS NULL
    ORDER BY s.id
    ON CONFLICT (id) DO UPDATE
    SET
        title = excluded.title,
        description = excluded.description,
        subject_area = excluded.subject_area,
        academic_term = excluded.academic_term,
        course_code = excluded.course_code,
        status = excluded.status,
        content_structure = excluded.content_structure
    WHERE
        (
            t.title, t.description, t.subject_area, t.academic_term, t.course_code, t.status,
            t.content_structure
        )
        IS DISTINCT FROM (
            excluded.title, excluded.description, excluded.subject_area, excluded.academic_term,
            excluded.course_code, excluded.status, excluded.content_structure
        )
    RETURNING t.xmax = 0 AS is_new
)

SELECT
    count(*) FILTER (WHERE is_new),
    count(*) FILTER (WHERE NOT is_new)
FROM done
