-- Keep rejected lines (%(institution)s, %(source)s, and an array for each column). A line that is kept
-- already stays as it is.
INSERT INTO rejected_records (
    institution_id, digest, source_id, line, position, reason, detail, raw, length, state
)
SELECT
    %(institution)s,
    n.digest,
    %(source)s,
    n.line,
    n.position,
    n.reason,
    n.detail,
    n.raw,
    n.length,
    n.state
FROM unnest(
    %(digests)s::bytea [], %(lines)s::bigint [], %(positions)s::bigint [], %(reasons)s::text [],
    %(details)s::text [], %(raws)s::bytea [], %(lengths)s::bigint [], %(states)s::text []
) AS n (digest, line, position, reason, detail, raw, length, state)
ORDER BY n.digest, n.line
ON CONFLICT (institution_id, digest) DO NOTHING
