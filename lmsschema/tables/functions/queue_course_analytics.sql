-- What all periods of a course depend on: its term, its subject, its institution's calendar.
CREATE FUNCTION queue_course_analytics() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (kind, course_id)
    SELECT 'analytics', c.id FROM courses AS c WHERE c.id = new.id OR c.institution_id = new.id;
    RETURN NULL;
END
$$
