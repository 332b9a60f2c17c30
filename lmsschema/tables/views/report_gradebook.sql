CREATE VIEW report_gradebook WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    a.id AS assessment_id,
    a.title,
    e.id AS enrollment_id,
    e.user_id,
    v.due_at,
    v.closes_at,
    a.points_possible,
    g.version,
    CASE WHEN NOT x.is_masked THEN g.score END AS score,
    CASE WHEN NOT x.is_masked THEN round(100 * g.score / a.points_possible, 2) END AS percentage,
    CASE WHEN NOT x.is_masked THEN g.late_deduction END AS late_deduction,
    CASE
        WHEN g.is_excused THEN 'excused'
        WHEN g.override_score IS NOT NULL THEN 'graded'
        ELSE coalesce(g.status::TEXT, 'not_submitted')
    END AS status,
    coalesce(g.posted_at <= now(), false) AS is_posted,
    coalesce(
        v.due_at < now() AND e.enrollment_status = 'active' AND a.assessment_group_id IS NOT NULL
        AND coalesce(
            g.status = 'not_submitted' AND g.override_score IS NULL AND NOT g.is_excused, true
        ),
        false
    ) AS is_missing,
    coalesce(
        t.details -> a.assessment_group_id::TEXT -> 'dropped' ? a.id::TEXT, false
    ) AS is_dropped
FROM courses AS c
CROSS JOIN LATERAL effective_assessments(c.id) AS v
INNER JOIN assessments AS a ON v.assessment_id = a.id
INNER JOIN enrollments AS e ON v.enrollment_id = e.id
LEFT JOIN grades AS g ON v.enrollment_id = g.enrollment_id AND v.assessment_id = g.assessment_id
LEFT JOIN course_grades AS t
    ON v.enrollment_id = t.enrollment_id AND t.grading_period_id IS NULL
INNER JOIN LATERAL (
    SELECT a.is_anonymous AND coalesce(a.revealed_at > now(), true) AS is_masked
) AS x ON true
WHERE v.is_assigned;
