CREATE VIEW report_engagement_heatmap WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    d.course_id,
    date_trunc('month', d.day::TIMESTAMP)::DATE AS month_start,
    extract(ISODOW FROM d.day)::INTEGER AS iso_weekday,
    (h.place - 1)::INTEGER AS hour_of_day,
    sum(h.events) AS events,
    count(DISTINCT d.user_id) AS learners
FROM courses AS c
INNER JOIN learner_course_daily AS d ON c.id = d.course_id
CROSS JOIN LATERAL unnest(d.hours) WITH ORDINALITY AS h (events, place)
WHERE h.events IS NOT NULL
GROUP BY c.institution_id, d.course_id, month_start, iso_weekday, hour_of_day;
