-- Another clock: days are late by it.
CREATE FUNCTION queue_institution_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id)
    SELECT c.id FROM courses AS c
    WHERE c.institution_id = new.id
        AND EXISTS (SELECT FROM assessments AS a WHERE a.course_id = c.id);
    RETURN NULL;
END
$$
