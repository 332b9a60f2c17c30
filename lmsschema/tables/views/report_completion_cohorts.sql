CREATE VIEW report_completion_cohorts WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    e.course_id,
    date_trunc('month', e.enrolled_at AT TIME ZONE time_zone_or_utc(i.timezone))::DATE AS cohort,
    count(*) AS enrolled,
    count(*) FILTER (
        WHERE e.completion_date < e.enrolled_at + INTERVAL '90 days'
    ) AS completed_in_90_days,
    count(*) FILTER (
        WHERE e.completion_date < e.enrolled_at + INTERVAL '180 days'
    ) AS completed_in_180_days,
    count(e.completion_date) AS completed,
    count(*) FILTER (
        WHERE e.withdrawn_at < e.enrolled_at + INTERVAL '30 days'
    ) AS left_in_30_days,
    count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn,
    round(100.0 * count(e.completion_date) / count(*), 2) AS completion_percentage
FROM institutions AS i
INNER JOIN courses AS c ON i.id = c.institution_id
INNER JOIN enrollments AS e ON c.id = e.course_id
GROUP BY c.institution_id, e.course_id, cohort;
