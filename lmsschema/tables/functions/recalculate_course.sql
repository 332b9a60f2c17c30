-- Brings the grades of a course, or of those named, to what they should be; what is finalized stays.
-- One at a time for each course: an older result never replaces a newer one.
CREATE FUNCTION recalculate_course(course UUID, enrollments UUID[] DEFAULT NULL)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
    origin TEXT := coalesce(current_setting('lmsschema.source', true), '');
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING
            MESSAGE = 'grades are computed in READ COMMITTED only: others would read the past',
            ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(concat('lmsschema grades of ', course), 0));
    PERFORM set_config('lmsschema.source', 'recalculation', true);
    PERFORM refresh_grades(course, enrollments);
    INSERT INTO course_grades AS o (enrollment_id, course_id, grading_period_id, current_percentage,
        final_percentage, staff_current_percentage, staff_final_percentage, current_label,
        final_label, details)
    SELECT c.enrollment_id, course, c.grading_period_id, c.current_percentage, c.final_percentage,
        c.staff_current_percentage, c.staff_final_percentage, c.current_label, c.final_label,
        c.details
    FROM compute_course_grades(course, enrollments) AS c
    WHERE NOT EXISTS ( -- ON CONFLICT would lock what does not change, too
        SELECT FROM course_grades AS g
        WHERE g.enrollment_id = c.enrollment_id
            AND g.grading_period_id IS NOT DISTINCT FROM c.grading_period_id
            AND (g.current_percentage, g.final_percentage, g.staff_current_percentage,
                g.staff_final_percentage, g.current_label, g.final_label, g.details)
            IS NOT DISTINCT FROM (c.current_percentage, c.final_percentage,
                c.staff_current_percentage, c.staff_final_percentage, c.current_label,
                c.final_label, c.details)
    )
    ORDER BY c.enrollment_id, c.grading_period_id
    ON CONFLICT (enrollment_id, grading_period_id) DO UPDATE SET
        current_percentage = excluded.current_percentage,
        final_percentage = excluded.final_percentage,
        staff_current_percentage = excluded.staff_current_percentage,
        staff_final_percentage = excluded.staff_final_percentage,
        current_label = excluded.current_label, final_label = excluded.final_label,
        details = excluded.details, computed_at = now()
    WHERE o.finalized_at IS NULL
        AND (o.current_percentage, o.final_percentage, o.staff_current_percentage,
            o.staff_final_percentage, o.current_label, o.final_label, o.details)
        IS DISTINCT FROM (excluded.current_percentage, excluded.final_percentage,
            excluded.staff_current_percentage, excluded.staff_final_percentage,
            excluded.current_label, excluded.final_label, excluded.details);
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE enrollments AS e SET grade = o.grade, grade_letter = o.grade_letter
    FROM (
        SELECT
            r.enrollment_id,
            CASE WHEN round(coalesce(r.override_percentage, r.final_percentage), 2) < 1000
                THEN round(coalesce(r.override_percentage, r.final_percentage), 2) END AS grade,
            coalesce(r.override_label, r.final_label) AS grade_letter
        FROM course_grades AS r
        WHERE r.course_id = course AND r.grading_period_id IS NULL
            AND ($2 IS NULL OR r.enrollment_id = ANY ($2))
        ORDER BY r.enrollment_id
    ) AS o
    WHERE o.enrollment_id = e.id
        AND (e.grade, e.grade_letter) IS DISTINCT FROM (o.grade, o.grade_letter);
    PERFORM set_config('lmsschema.source', origin, true);
    RETURN written;
END
$$
