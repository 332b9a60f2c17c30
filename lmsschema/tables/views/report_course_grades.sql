CREATE VIEW report_course_grades WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.course_code,
    c.academic_term,
    e.id AS enrollment_id,
    e.user_id,
    e.enrollment_status,
    g.grading_period_id,
    g.current_percentage,
    x.percentage,
    l.grade_points,
    l.is_passing,
    g.finalized_at,
    coalesce(g.override_label, g.final_label) AS label,
    num_nonnulls(g.override_percentage, g.override_label) > 0 AS is_overridden
FROM enrollments AS e
INNER JOIN courses AS c ON e.course_id = c.id
LEFT JOIN gradebooks AS b ON c.id = b.course_id
LEFT JOIN course_grades AS g ON e.id = g.enrollment_id
INNER JOIN LATERAL (
    SELECT coalesce(g.override_percentage, g.final_percentage) AS percentage
) AS x ON true
LEFT JOIN LATERAL (
    SELECT
        s.grade_points,
        s.is_passing
    FROM grading_scheme_levels AS s
    WHERE
        s.grading_scheme_id = b.grading_scheme_id
        AND CASE
            WHEN g.override_label IS NULL THEN s.min_percentage <= x.percentage
            ELSE s.label = g.override_label
        END
    ORDER BY s.min_percentage DESC
    LIMIT 1
) AS l ON true;
