-- One step of the rollup of events (%(lag)s, %(span)s: in seconds; %(since)s, %(until)s: NULL, or what to do
-- again): whether there is more (NULL: another run is at work), rows written, until when they came.
SELECT
    is_behind AS is_more,
    coalesce(sessions, 0) + coalesce(days, 0) AS written,
    until AS reached
FROM rollup_step(
    make_interval(secs => %(lag)s), make_interval(secs => %(span)s), %(since)s::timestamptz,
    %(until)s::timestamptz
)
