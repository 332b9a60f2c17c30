CREATE VIEW report_instructor_workload WITH (security_invoker = true) AS
SELECT
    u.institution_id,
    u.id AS user_id,
    u.username,
    count(c.id) AS courses,
    sum(n.learners) AS active_learners,
    sum(q.waiting) AS waiting,
    round(max(q.hours), 1) AS longest_wait_hours,
    sum(d.graded) AS graded_in_28_days,
    round(sum(d.hours) / nullif(sum(d.graded), 0), 1) AS mean_hours_to_grade
FROM users AS u
INNER JOIN courses AS c ON u.id = c.instructor_id
INNER JOIN LATERAL (
    SELECT count(*) AS learners
    FROM enrollments AS e
    WHERE e.course_id = c.id AND e.enrollment_status = 'active'
) AS n ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS waiting,
        extract(EPOCH FROM now() - min(t.submitted_at)) / 3600 AS hours
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE a.course_id = c.id AND t.status = 'submitted'
) AS q ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS graded,
        sum(extract(EPOCH FROM t.graded_at - t.submitted_at)) / 3600 AS hours
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE
        a.course_id = c.id AND t.status = 'graded'
        AND t.graded_at > now() - INTERVAL '28 days'
) AS d ON true
GROUP BY u.id;
