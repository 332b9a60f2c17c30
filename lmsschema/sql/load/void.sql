-- Note what is void (%(institution)s, %(targets)s, %(by)s); returns what was not before. Of two
-- statements that void one, the lower id is kept, whichever came first.
INSERT INTO event_voidings (institution_id, statement_id, voided_by)
SELECT
    %(institution)s,
    n.target,
    min(n.by::text)::uuid
FROM unnest(%(targets)s::uuid [], %(by)s::uuid []) AS n (target, by)
GROUP BY n.target
ORDER BY n.target
ON CONFLICT (institution_id, statement_id) DO UPDATE
SET voided_by = excluded.voided_by
WHERE excluded.voided_by < event_voidings.voided_by
RETURNING statement_id
