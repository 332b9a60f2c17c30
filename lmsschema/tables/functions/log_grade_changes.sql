-- Notes who changed grades, by what and why: settings lmsschema.actor, .source and .reason.
CREATE FUNCTION log_grade_changes() RETURNS TRIGGER LANGUAGE plpgsql
SET enable_nestloop TO off AS $$ -- a plan made for few rows is kept for many
DECLARE
    actor UUID := nullif(current_setting('lmsschema.actor', true), '');
    origin TEXT := coalesce(nullif(current_setting('lmsschema.source', true), ''), 'unknown');
    why TEXT := nullif(current_setting('lmsschema.reason', true), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, new_score, changed)
        SELECT 'created', n.course_id, n.enrollment_id, n.assessment_id,
            CASE WHEN origin = 'recalculation' THEN actor ELSE coalesce(actor, n.grader_id) END,
            origin, why, n.score,
            CASE WHEN n.is_excused THEN '{"is_excused": [null, true]}' ELSE '{}' END::jsonb
        FROM new_rows AS n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, old_score, changed)
        SELECT 'deleted', o.course_id, o.enrollment_id, o.assessment_id, actor, origin, why,
            o.score, CASE WHEN o.is_excused THEN '{"is_excused": [true, null]}' ELSE '{}' END::jsonb
        FROM old_rows AS o;
    ELSE
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, old_score, new_score, changed)
        SELECT 'changed', n.course_id, n.enrollment_id, n.assessment_id,
            CASE WHEN origin = 'recalculation' THEN actor ELSE coalesce(actor, n.grader_id) END,
            origin, why, o.score, n.score,
            jsonb_strip_nulls(jsonb_build_object(
                'status', CASE WHEN o.status <> n.status
                    THEN jsonb_build_array(o.status, n.status) END,
                'is_excused', CASE WHEN o.is_excused <> n.is_excused
                    THEN jsonb_build_array(o.is_excused, n.is_excused) END,
                'posted_at', CASE WHEN o.posted_at IS DISTINCT FROM n.posted_at
                    THEN jsonb_build_array(o.posted_at, n.posted_at) END,
                'raw_score', CASE WHEN o.raw_score IS DISTINCT FROM n.raw_score
                    THEN jsonb_build_array(o.raw_score, n.raw_score) END,
                'late_deduction', CASE WHEN o.late_deduction <> n.late_deduction
                    THEN jsonb_build_array(o.late_deduction, n.late_deduction) END,
                'override_score', CASE WHEN o.override_score IS DISTINCT FROM n.override_score
                    THEN jsonb_build_array(o.override_score, n.override_score) END,
                -- that it changed: what it says is personal, and this can't be deleted
                'feedback', CASE WHEN o.feedback IS DISTINCT FROM n.feedback THEN true END
            ))
        FROM new_rows AS n
        INNER JOIN old_rows AS o ON n.id = o.id
        WHERE (o.score, o.status, o.is_excused, o.posted_at, o.raw_score, o.late_deduction,
                o.override_score, o.feedback)
            IS DISTINCT FROM (n.score, n.status, n.is_excused, n.posted_at, n.raw_score,
                n.late_deduction, n.override_score, n.feedback);
    END IF;
    RETURN NULL;
END
$$
