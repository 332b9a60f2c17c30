-- One step of the rollup: events that came in a span, from where the last step ended; or, with
-- again_from, from there to again_to, which leaves the watermark alone. Returns until when it came and
-- whether there is more; NULL: another run is at work.
CREATE FUNCTION rollup_step(
    lag INTERVAL DEFAULT '1 minute', span INTERVAL DEFAULT '1 hour',
    again_from TIMESTAMP WITH TIME ZONE DEFAULT NULL,
    again_to TIMESTAMP WITH TIME ZONE DEFAULT NULL,
    OUT until TIMESTAMP WITH TIME ZONE, OUT is_behind BOOLEAN, OUT sessions INTEGER, OUT days INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
    since TIMESTAMP WITH TIME ZONE := again_from;
    horizon TIMESTAMP WITH TIME ZONE := least(rollup_horizon(lag), again_to);
    came BOOLEAN;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema rollup in ', current_schema()), 0)
    ) THEN
        RETURN;
    END IF;
    IF again_from IS NULL THEN
        SELECT s.watermark INTO since FROM rollup_state AS s WHERE s.name = 'events';
    END IF;
    IF since IS NULL OR NOT isfinite(since) THEN
        SELECT least(min(x.at) - INTERVAL '1 microsecond', horizon) INTO since
        FROM (
            SELECT min(e.server_timestamp) AS at FROM learning_events AS e
            UNION ALL SELECT min(v.voided_at) FROM voided_events AS v
        ) AS x;
    END IF;
    until := greatest(since, least(horizon, since + span));
    came := EXISTS (
        SELECT FROM learning_events AS e
        WHERE e.server_timestamp > since AND e.server_timestamp <= until
    ) OR EXISTS (
        SELECT FROM voided_events AS v WHERE v.voided_at > since AND v.voided_at <= until
    );
    IF NOT came AND until < horizon THEN -- a span in which nothing came is leapt over
        SELECT min(x.at) - INTERVAL '1 microsecond' INTO since FROM (
            SELECT min(e.server_timestamp) AS at FROM learning_events AS e
            WHERE e.server_timestamp > until AND e.server_timestamp <= horizon
            UNION ALL
            SELECT min(v.voided_at) FROM voided_events AS v
            WHERE v.voided_at > until AND v.voided_at <= horizon
        ) AS x;
        came := since IS NOT NULL;
        until := least(horizon, since + span);
    END IF;
    IF came THEN
        SELECT r.sessions, r.days INTO sessions, days FROM rollup_events(since, until) AS r;
    END IF;
    is_behind := until < horizon;
    IF again_from IS NULL THEN
        INSERT INTO rollup_state AS s (name, watermark) VALUES ('events', until)
        ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark;
    END IF;
END
$$
