-- Whose progress may have changed: of enrollments that are new, or whose progress in a section changed;
-- of a whole course where a section or lesson comes, goes or moves.
CREATE FUNCTION queue_progress() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'enrollments' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT 'progress', r.course_id, r.id FROM new_rows AS r;
    ELSIF TG_TABLE_NAME = 'lessons' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, r.course_id FROM old_rows AS r;
    ELSIF TG_TABLE_NAME = 'section_progress' AND TG_OP = 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT DISTINCT 'progress'::recalculation_kind, e.course_id, e.id
        FROM old_rows AS r INNER JOIN enrollments AS e ON r.enrollment_id = e.id;
    ELSIF TG_TABLE_NAME = 'section_progress' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT DISTINCT 'progress'::recalculation_kind, e.course_id, e.id
        FROM new_rows AS r INNER JOIN enrollments AS e ON r.enrollment_id = e.id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM new_rows AS r INNER JOIN lessons AS l ON r.lesson_id = l.id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM old_rows AS r INNER JOIN lessons AS l ON r.lesson_id = l.id;
    ELSE
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM old_rows AS o
        INNER JOIN new_rows AS n ON o.id = n.id AND o.lesson_id <> n.lesson_id
        INNER JOIN lessons AS l ON l.id IN (o.lesson_id, n.lesson_id);
    END IF;
    RETURN NULL;
END
$$
