-- The enrollments in courses of such rosters that go on, with the identifiers of user and course, and
-- whether the roster has them no more (%(institution)s, %(prefix)s).
SELECT
    e.id,
    xu.key AS user_key,
    xc.key AS course_key,
    s.number IS NULL AS is_absent
FROM enrollments AS e
INNER JOIN external_ids AS xc
    ON
        e.course_id = xc.target
        AND xc.institution_id = %(institution)s
        AND xc.kind = 'course'
        AND xc.key LIKE %(prefix)s
INNER JOIN external_ids AS xu
    ON
        e.user_id = xu.target
        AND xu.institution_id = %(institution)s
        AND xu.kind = 'user'
        AND xu.key LIKE %(prefix)s
LEFT JOIN (
    SELECT
        user_id,
        course_id,
        min(number) AS number
    FROM roster_stage
    WHERE kind = 'enrollment' AND reason IS NULL
    GROUP BY user_id, course_id
) AS s ON e.user_id = s.user_id AND e.course_id = s.course_id
WHERE e.enrollment_status IN ('active', 'suspended')
