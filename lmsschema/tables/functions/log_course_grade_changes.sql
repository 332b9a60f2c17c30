-- Notes who overrode or finalized the grade of a course or period, as log_grade_changes does.
CREATE FUNCTION log_course_grade_changes() RETURNS TRIGGER LANGUAGE plpgsql
SET enable_nestloop TO off AS $$ -- a plan made for few rows is kept for many
BEGIN
    INSERT INTO grade_changes (kind, course_id, enrollment_id, grading_period_id, actor_id, source,
        reason, old_score, new_score, changed)
    SELECT 'changed', n.course_id, n.enrollment_id, n.grading_period_id,
        nullif(current_setting('lmsschema.actor', true), '')::uuid,
        coalesce(nullif(current_setting('lmsschema.source', true), ''), 'unknown'),
        nullif(current_setting('lmsschema.reason', true), ''),
        o.override_percentage, n.override_percentage,
        jsonb_strip_nulls(jsonb_build_object(
            'override_label', CASE WHEN o.override_label IS DISTINCT FROM n.override_label
                THEN jsonb_build_array(o.override_label, n.override_label) END,
            'finalized_at', CASE WHEN o.finalized_at IS DISTINCT FROM n.finalized_at
                THEN jsonb_build_array(o.finalized_at, n.finalized_at) END
        ))
    FROM new_rows AS n
    INNER JOIN old_rows AS o ON n.id = o.id
    WHERE (o.override_percentage, o.override_label, o.finalized_at)
        IS DISTINCT FROM (n.override_percentage, n.override_label, n.finalized_at);
    RETURN NULL;
END
$$
