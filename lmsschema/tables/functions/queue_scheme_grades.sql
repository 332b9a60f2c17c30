-- What changed for the courses of a grading scheme, which the column of the argument names.
CREATE FUNCTION queue_scheme_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id)
    SELECT g.course_id FROM gradebooks AS g
    WHERE g.grading_scheme_id IN (
        (to_jsonb(new) ->> TG_ARGV[0])::uuid, (to_jsonb(old) ->> TG_ARGV[0])::uuid
    );
    RETURN NULL;
END
$$
