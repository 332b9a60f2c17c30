-- Lines of sources that are rejected still, by reason (%(institution)s, %(sources)s).
SELECT
    reason,
    count(*)
FROM rejected_records
WHERE
    institution_id = %(institution)s
    AND source_id = ANY(%(sources)s::uuid [])
    AND state = 'rejected'
GROUP BY reason
ORDER BY reason
