CREATE VIEW report_item_analysis WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    a.course_id,
    a.id AS assessment_id,
    a.title,
    x.assessment_item_id,
    i.question_version_id,
    i.points,
    x.responses,
    round(x.mean / nullif(i.points, 0), 4) AS facility,
    round(x.deviation / nullif(i.points, 0), 4) AS standard_deviation,
    round(x.discrimination, 4) AS discrimination,
    round((x.upper_mean - x.lower_mean) / nullif(i.points, 0), 4) AS upper_minus_lower,
    round(x.omitted, 4) AS omitted
FROM assessments AS a
INNER JOIN LATERAL (
    SELECT
        z.assessment_item_id,
        count(*) AS responses,
        avg(z.score) AS mean,
        stddev_samp(z.score) AS deviation,
        corr(z.score, z.rest)::NUMERIC AS discrimination,
        avg(z.score) FILTER (WHERE z.from_top <= 0.27) AS upper_mean,
        avg(z.score) FILTER (WHERE z.from_bottom <= 0.27) AS lower_mean,
        avg(z.is_omitted::INTEGER) AS omitted
    FROM (
        SELECT
            y.*,
            percent_rank() OVER (
                PARTITION BY y.assessment_item_id
                ORDER BY y.rest DESC
            ) AS from_top,
            percent_rank() OVER (
                PARTITION BY y.assessment_item_id
                ORDER BY y.rest
            ) AS from_bottom
        FROM (
            SELECT
                r.assessment_item_id,
                coalesce(r.score, 0) AS score,
                r.response IS NULL AS is_omitted,
                sum(coalesce(r.score, 0)) OVER (PARTITION BY r.attempt_id)
                - coalesce(r.score, 0) AS rest
            FROM assessment_attempts AS t
            INNER JOIN item_responses AS r ON t.id = r.attempt_id
            WHERE t.assessment_id = a.id AND t.status = 'graded' AND t.attempt_number = 1
        ) AS y
    ) AS z
    GROUP BY z.assessment_item_id
) AS x ON true
INNER JOIN assessment_items AS i ON x.assessment_item_id = i.id
WHERE NOT a.is_anonymous OR a.revealed_at <= now();
