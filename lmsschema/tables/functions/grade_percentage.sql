-- 100 * numerator / denominator, exact, rounded once, half up; nothing of nothing is no percentage.
CREATE FUNCTION grade_percentage(numerator NUMERIC, denominator NUMERIC, digits INTEGER)
RETURNS NUMERIC LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN denominator > 0 THEN round(
        div(200 * power(10::numeric, digits) * numerator + denominator, 2 * denominator)
        / power(10::numeric, digits), digits
    ) END
$$
