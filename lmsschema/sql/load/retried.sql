-- Write what became of rejected lines (%(institution)s, and an array for each column). What is loaded
-- keeps its reason.
UPDATE rejected_records AS r
SET
    state = n.state,
    reason = coalesce(n.reason, r.reason),
    detail = coalesce(n.detail, r.detail),
    tries = r.tries + 1
FROM unnest(
    %(digests)s::bytea [], %(states)s::text [], %(reasons)s::text [], %(details)s::text []
) AS n (digest, state, reason, detail)
WHERE r.institution_id = %(institution)s AND r.digest = n.digest
