-- Find users and courses of enrollments and staff; reject those without (%(institution)s).
UPDATE roster_stage AS s
SET
    user_id = f.user_id,
    course_id = f.course_id,
    reason = CASE
        WHEN f.user_id IS NULL THEN 'unresolved_user'
        WHEN f.course_id IS NULL THEN 'unresolved_course'
    END,
    detail = CASE WHEN f.user_id IS NULL THEN s.data ->> 'user' ELSE s.data ->> 'course' END
FROM (
    SELECT
        n.number,
        u.id AS user_id,
        c.id AS course_id
    FROM roster_stage AS n
    LEFT JOIN external_ids AS xu
        ON
            xu.institution_id = %(institution)s
            AND xu.kind = 'user'
            AND n.data ->> 'user' = xu.key
    LEFT JOIN users AS u ON xu.target = u.id AND u.institution_id = %(institution)s
    LEFT JOIN external_ids AS xc
        ON
            xc.institution_id = %(institution)s
            AND xc.kind = 'course'
            AND n.data ->> 'course' = xc.key
    LEFT JOIN courses AS c ON xc.target = c.id AND c.institution_id = %(institution)s
    WHERE n.kind IN ('enrollment', 'staff') AND n.reason IS NULL
) AS f
WHERE s.number = f.number
