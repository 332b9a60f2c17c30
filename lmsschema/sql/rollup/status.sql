-- How far the rollups are: until when events are taken up, and how old that is in seconds; of each kind
-- of recalculation how many are due, and for how many seconds the oldest has been.
SELECT
    'events' AS kind,
    max(watermark) AS reached,
    extract(EPOCH FROM clock_timestamp() - max(watermark))::float AS age,
    NULL::bigint AS entries
FROM rollup_state
WHERE name = 'events'
UNION ALL
SELECT
    k.kind::text,
    NULL,
    extract(EPOCH FROM clock_timestamp() - min(r.queued_at))::float,
    count(r.id)
FROM unnest(enum_range(NULL::recalculation_kind)) AS k (kind)
LEFT JOIN recalculations AS r ON k.kind = r.kind AND r.queued_at <= now()
GROUP BY k.kind
