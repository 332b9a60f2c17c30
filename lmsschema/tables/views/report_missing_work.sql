CREATE VIEW report_missing_work WITH (security_invoker = true) AS
SELECT
    b.institution_id,
    b.course_id,
    b.assessment_id,
    b.title,
    b.enrollment_id,
    b.user_id,
    b.due_at,
    b.closes_at,
    coalesce(b.closes_at > now(), true) AS can_be_handed_in
FROM report_gradebook AS b
WHERE b.is_missing;
