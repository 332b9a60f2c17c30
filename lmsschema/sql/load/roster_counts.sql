-- Numbers of rejected lines by file and reason.
SELECT
    source_id,
    reason,
    count(DISTINCT line)
FROM roster_stage
WHERE reason IS NOT NULL
GROUP BY source_id, reason
ORDER BY source_id, reason
