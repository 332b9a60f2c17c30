-- A learner who joins a course has work missing; courses without assessments are left alone.
CREATE FUNCTION queue_enrollment_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id, enrollment_id)
    SELECT new.course_id, new.id
    WHERE EXISTS (SELECT FROM assessments AS a WHERE a.course_id = new.course_id);
    RETURN NULL;
END
$$
