CREATE VIEW report_institution_overview WITH (security_invoker = true) AS
SELECT
    i.id AS institution_id,
    i.name,
    x.courses,
    n.enrollments,
    n.learners,
    n.completed,
    n.withdrawn,
    n.mean_percentage,
    f.active_in_7_days,
    f.active_in_28_days,
    f.hours_in_28_days,
    q.waiting
FROM institutions AS i
INNER JOIN LATERAL (
    SELECT count(*) AS courses
    FROM courses AS c
    WHERE c.institution_id = i.id
) AS x ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS enrollments,
        count(DISTINCT e.user_id) AS learners,
        count(e.completion_date) AS completed,
        count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn,
        round(avg(e.grade), 2) AS mean_percentage
    FROM courses AS c
    INNER JOIN enrollments AS e ON c.id = e.course_id
    WHERE c.institution_id = i.id
) AS n ON true
INNER JOIN LATERAL (
    SELECT
        count(DISTINCT d.user_id) FILTER (WHERE d.day > current_date - 7) AS active_in_7_days,
        count(DISTINCT d.user_id) AS active_in_28_days,
        round(coalesce(sum(d.active_seconds), 0) / 3600.0, 1) AS hours_in_28_days
    FROM courses AS c
    INNER JOIN learner_course_daily AS d ON c.id = d.course_id
    WHERE c.institution_id = i.id AND d.day > current_date - 28
) AS f ON true
INNER JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE a.institution_id = i.id AND t.status = 'submitted'
) AS q ON true;
