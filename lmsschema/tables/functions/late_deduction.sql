-- Points taken off; never more than there are. Without a policy: none.
CREATE FUNCTION late_deduction(
    score NUMERIC, points NUMERIC, units INTEGER, percent NUMERIC, max_percent NUMERIC, basis TEXT
) RETURNS NUMERIC LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN score IS NULL OR units IS NULL OR percent IS NULL THEN 0
        ELSE least(score, round(
            least(units * percent, max_percent)
            * CASE basis WHEN 'possible' THEN points ELSE score END / 100, 4
        ))
    END
$$
