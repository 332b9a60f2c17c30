-- How many hours or days late; a day ends at the hour of the due date on the institution's clock,
-- whatever daylight saving does in between.
CREATE FUNCTION late_units(
    due TIMESTAMP WITH TIME ZONE, submitted TIMESTAMP WITH TIME ZONE, per TEXT, zone TEXT,
    grace_minutes INTEGER
) RETURNS INTEGER LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN due IS NULL OR submitted IS NULL
            OR submitted <= due + grace_minutes * INTERVAL '1 minute' THEN 0
        WHEN per = 'hour' THEN ceil(extract(EPOCH FROM submitted - due) / 3600)::integer
        ELSE greatest(1, ceil(extract(
            EPOCH FROM (submitted AT TIME ZONE zone) - (due AT TIME ZONE zone)
        ) / 86400)::integer)
    END
$$
