-- Keep the rejected lines of the roster (%(institution)s).
INSERT INTO rejected_records AS r (
    institution_id, digest, source_id, line, position, reason, detail, raw, length, state
)
SELECT DISTINCT ON (sha256(raw))
    %(institution)s,
    sha256(raw),
    source_id,
    line,
    position,
    reason,
    coalesce(detail, ''),
    raw,
    length,
    'rejected'
FROM roster_stage
WHERE reason IS NOT NULL
ORDER BY sha256(raw), number
ON CONFLICT (institution_id, digest) DO UPDATE
SET state = excluded.state, reason = excluded.reason, detail = excluded.detail
WHERE (r.state, r.reason, r.detail) <> (excluded.state, excluded.reason, excluded.detail)
