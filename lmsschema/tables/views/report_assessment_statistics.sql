CREATE VIEW report_assessment_statistics WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    a.course_id,
    a.id AS assessment_id,
    a.title,
    a.points_possible,
    x.graded,
    x.mean,
    x.median,
    x.standard_deviation,
    x.lowest,
    x.highest
FROM assessments AS a
INNER JOIN LATERAL (
    SELECT
        count(p.percentage) AS graded,
        round(avg(p.percentage), 2) AS mean,
        round(
            percentile_cont(0.5) WITHIN GROUP (ORDER BY p.percentage)::NUMERIC, 2
        ) AS median,
        round(stddev_samp(p.percentage), 2) AS standard_deviation,
        round(min(p.percentage), 2) AS lowest,
        round(max(p.percentage), 2) AS highest
    FROM (
        SELECT 100 * g.score / a.points_possible AS percentage
        FROM grades AS g
        WHERE g.assessment_id = a.id AND NOT g.is_excused
    ) AS p
) AS x ON true
WHERE NOT a.is_anonymous OR a.revealed_at <= now();
