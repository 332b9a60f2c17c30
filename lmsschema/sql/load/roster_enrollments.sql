-- Insert enrollments, and update those that are not what the roster says; one that is completed stays so.
-- Of several of one user and course one that goes on counts. Returns how many were inserted, and how
-- many updated.
WITH said AS (
    SELECT DISTINCT ON (s.user_id, s.course_id)
        s.made,
        s.user_id,
        s.course_id,
        s.data,
        (
            CASE
                WHEN s.data ->> 'status' = 'active' AND u.data ->> 'enabled' = 'false'
                    THEN 'suspended'
                ELSE s.data ->> 'status'
            END
        )::enrollment_status AS status
    FROM roster_stage AS s
    LEFT JOIN roster_stage AS u
        ON s.user_id = u.id AND u.kind = 'user' AND u.reason IS NULL
    WHERE s.kind = 'enrollment' AND s.reason IS NULL
    ORDER BY s.user_id, s.course_id, s.data ->> 'status' = 'withdrawn', s.number DESC
),

done AS (
    INSERT INTO enrollments AS t (
        id, user_id, course_id, enrolled_at, completion_date, enrollment_status, grade_letter,
        initial_assessment, learning_path
    )
    SELECT
        made,
        user_id,
        course_id,
        coalesce((data ->> 'at')::timestamptz, pg_catalog.now()),
        (data ->> 'completed')::timestamptz,
        status,
        data ->> 'letter',
        data -> 'initial',
        data -> 'path'
    FROM said
    ORDER BY user_id, course_id
    ON CONFLICT (user_id, course_id) DO UPDATE
    SET
        enrolled_at = least(t.enrolled_at, excluded.enrolled_at),
        completion_date = coalesce(t.completion_date, excluded.completion_date),
        enrollment_status
        = CASE
            WHEN t.enrollment_status = 'completed' THEN t.enrollment_status
            ELSE excluded.enrollment_status
        END,
        grade_letter = coalesce(excluded.grade_letter, t.grade_letter),
        initial_assessment
        = coalesce(t.initial_assessment || excluded.initial_assessment, t.initial_assessment),
        learning_path = coalesce(t.learning_path || excluded.learning_path, t.learning_path)
    WHERE
        t.enrolled_at > excluded.enrolled_at
        OR (t.completion_date IS NULL AND excluded.completion_date IS NOT NULL)
        OR (
            t.enrollment_status <> 'completed' AND t.enrollment_status <> excluded.enrollment_status
        )
        OR coalesce(excluded.grade_letter, t.grade_letter) IS DISTINCT FROM t.grade_letter
        OR NOT coalesce(t.initial_assessment @> excluded.initial_assessment, true)
        OR NOT coalesce(t.learning_path @> excluded.learning_path, true)
    RETURNING t.xmax = 0 AS is_new
)

SELECT
    count(*) FILTER (WHERE is_new),
    count(*) FILTER (WHERE NOT is_new)
FROM done
