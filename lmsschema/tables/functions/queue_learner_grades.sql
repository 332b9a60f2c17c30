-- What changed for a learner; a grade that is to be posted later is queued for then.
CREATE FUNCTION queue_learner_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (course_id, enrollment_id)
        VALUES (old.course_id, old.enrollment_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND old.enrollment_id <> new.enrollment_id) THEN
        INSERT INTO recalculations (course_id, enrollment_id)
        VALUES (new.course_id, new.enrollment_id);
    END IF;
    INSERT INTO recalculations (course_id, enrollment_id, queued_at)
    SELECT x.course_id, x.enrollment_id, x.posted_at
    FROM jsonb_to_record(to_jsonb(new))
        AS x (course_id UUID, enrollment_id UUID, posted_at TIMESTAMP WITH TIME ZONE)
    WHERE x.posted_at > now();
    RETURN NULL;
END
$$
