-- Has the next run compute everything anew; false if a run is at work. Days of which no event is left
-- are removed, but not those of months that were pruned.
CREATE FUNCTION reset_rollups() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    kept_from CONSTANT TIMESTAMP WITH TIME ZONE := events_kept_from();
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema rollup in ', current_schema()), 0)
    ) THEN
        RETURN false;
    END IF;
    DELETE FROM rollup_state;
    DELETE FROM learner_course_daily AS d
    USING users AS u, (
        SELECT i.id, time_zone_or_utc(i.timezone) AS zone FROM institutions AS i
    ) AS z
    WHERE d.user_id = u.id AND u.institution_id = z.id
        AND d.day::timestamp AT TIME ZONE z.zone >= kept_from
        AND NOT EXISTS (
            SELECT FROM learning_events AS e
            WHERE e.user_id = d.user_id AND e.course_id = d.course_id
                AND e.event_timestamp >= d.day::timestamp AT TIME ZONE z.zone
                AND e.event_timestamp < (d.day + 1)::timestamp AT TIME ZONE z.zone
        );
    INSERT INTO recalculations (kind, course_id)
    SELECT k.kind, c.id FROM courses AS c
    CROSS JOIN unnest(enum_range(NULL::recalculation_kind)) AS k (kind)
    WHERE k.kind <> 'grades' OR EXISTS (SELECT FROM assessments AS a WHERE a.course_id = c.id);
    RETURN true;
END
$$
