CREATE VIEW report_course_funnel WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.title,
    count(e.id) AS enrolled,
    count(e.last_accessed_at) AS started,
    count(*) FILTER (WHERE e.progress_percentage >= 25) AS reached_25,
    count(*) FILTER (WHERE e.progress_percentage >= 50) AS reached_50,
    count(*) FILTER (WHERE e.progress_percentage >= 75) AS reached_75,
    count(*) FILTER (WHERE e.progress_percentage = 100) AS reached_100,
    count(e.completion_date) AS completed,
    count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn
FROM courses AS c
LEFT JOIN enrollments AS e ON c.id = e.course_id
GROUP BY c.id;
