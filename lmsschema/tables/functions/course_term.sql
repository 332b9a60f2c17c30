-- The dates of a course's term in the calendar of its institution, of which academic_calendar says
-- {"terms": [{"name": "2026 autumn", "starts": "2026-09-01", "ends": "2027-01-31"}]}. What is no
-- date there is no term, and not an error of whoever asks.
CREATE FUNCTION course_term(course UUID, OUT starts DATE, OUT ends DATE)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT (t.term ->> 'starts')::date, (t.term ->> 'ends')::date INTO starts, ends
    FROM courses AS c
    INNER JOIN institutions AS i ON c.institution_id = i.id
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(i.academic_calendar -> 'terms')
            WHEN 'array' THEN i.academic_calendar -> 'terms' ELSE '[]' END
    ) WITH ORDINALITY AS t (term, place)
    WHERE c.id = course AND t.term ->> 'name' = c.academic_term
    ORDER BY t.place LIMIT 1;
    IF (starts <= ends AND isfinite(starts) AND isfinite(ends)) IS NOT TRUE THEN
        starts := NULL;
        ends := NULL;
    END IF;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
    starts := NULL;
    ends := NULL;
END
$$
