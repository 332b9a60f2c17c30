-- How the courses of an institution compare in each period that ends on that day or later: the
-- second pass, once the rates of all are there. Returns how many rows were written.
CREATE FUNCTION compare_courses(institution UUID, since DATE DEFAULT '-infinity')
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    WITH rated AS (
        SELECT
            a.id, c.subject_area, a.average_completion_rate AS rate,
            count(*) OVER all_courses AS courses,
            percent_rank() OVER (all_courses ORDER BY a.average_completion_rate) AS percentile,
            count(*) OVER alike AS courses_alike,
            round(avg(a.average_completion_rate) OVER alike, 2) AS rate_alike
        FROM courses AS c
        INNER JOIN course_analytics AS a ON c.id = a.course_id
        WHERE c.institution_id = institution AND a.period_end >= since
            AND a.average_completion_rate IS NOT NULL
        WINDOW
            all_courses AS (PARTITION BY a.analysis_period, a.period_start),
            alike AS (PARTITION BY a.analysis_period, a.period_start, c.subject_area)
    ),
    compared AS (
        SELECT
            a.id,
            CASE WHEN r.courses > 1 THEN round(r.percentile::numeric, 2) END AS percentile,
            CASE WHEN r.id IS NULL THEN '{}' ELSE jsonb_build_object(
                'subject_area', r.subject_area, 'courses', r.courses_alike,
                'average_completion_rate', r.rate_alike, 'difference', r.rate - r.rate_alike
            ) END AS comparison
        FROM courses AS c
        INNER JOIN course_analytics AS a ON c.id = a.course_id AND a.period_end >= since
        LEFT JOIN rated AS r ON a.id = r.id
        WHERE c.institution_id = institution
    )
    UPDATE course_analytics AS a SET
        institution_percentile = x.percentile, subject_area_comparison = x.comparison,
        calculated_at = now()
    FROM compared AS x
    WHERE a.id = x.id AND (a.institution_percentile, a.subject_area_comparison)
        IS DISTINCT FROM (x.percentile, x.comparison);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$
