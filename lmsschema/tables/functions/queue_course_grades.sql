-- What changed for a whole course: weights, dates, rules. Time changes grades, too: what falls due
-- or is revealed later is queued for then.
CREATE FUNCTION queue_course_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (course_id) VALUES (old.course_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND old.course_id <> new.course_id) THEN
        INSERT INTO recalculations (course_id) VALUES (new.course_id);
    END IF;
    INSERT INTO recalculations (course_id, queued_at)
    SELECT (to_jsonb(new) ->> 'course_id')::uuid, x.later
    FROM (
        SELECT (to_jsonb(new) ->> k)::timestamp with time zone AS later
        FROM unnest(ARRAY['due_at', 'revealed_at']) AS k
        WHERE to_jsonb(new) ->> k IS DISTINCT FROM to_jsonb(old) ->> k
    ) AS x
    WHERE x.later > now();
    RETURN NULL;
END
$$
