-- Suspend the enrollments of users that may no more sign in, and end that for those that may again; only
-- those in courses of such rosters (%(institution)s, %(prefix)s).
UPDATE enrollments AS e
SET
    enrollment_status
    = (
        CASE WHEN (s.data ->> 'enabled')::boolean THEN 'active' ELSE 'suspended' END
    )::enrollment_status
FROM roster_stage AS s
WHERE
    s.kind = 'user'
    AND s.reason IS NULL
    AND e.user_id = s.id
    AND e.enrollment_status
    = (
        CASE WHEN (s.data ->> 'enabled')::boolean THEN 'suspended' ELSE 'active' END
    )::enrollment_status
    AND e.course_id IN (
        SELECT target
        FROM external_ids
        WHERE institution_id = %(institution)s AND kind = 'course' AND key LIKE %(prefix)s
    )
    AND s.data ? 'enabled'
