CREATE VIEW report_grading_queue WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    t.course_id,
    t.assessment_id,
    a.title,
    t.id AS attempt_id,
    t.attempt_number,
    t.submitted_at,
    round(extract(EPOCH FROM now() - t.submitted_at) / 3600, 1) AS waiting_hours,
    CASE WHEN NOT a.is_anonymous OR a.revealed_at <= now() THEN t.enrollment_id END AS enrollment_id
FROM assessments AS a
INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
WHERE t.status = 'submitted';
