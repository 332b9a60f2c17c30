-- Who joined, completed or left a course, and when: all its periods from then on count it.
CREATE FUNCTION queue_enrollment_analytics() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', old.course_id, (v.at AT TIME ZONE 'UTC')::date
        FROM unnest(ARRAY[old.enrolled_at, old.completion_date, old.withdrawn_at]) AS v (at)
        WHERE v.at IS NOT NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', new.course_id, (v.at AT TIME ZONE 'UTC')::date
        FROM unnest(ARRAY[new.enrolled_at, new.completion_date, new.withdrawn_at]) AS v (at)
        WHERE v.at IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$
