CREATE VIEW report_at_risk_learners WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.title,
    r.enrollment_id,
    r.user_id,
    r.signals
FROM courses AS c
CROSS JOIN LATERAL at_risk_learners(c.id) AS r;
