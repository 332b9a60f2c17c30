-- Reject users and courses of which a later line has the same identifier.
UPDATE roster_stage AS s
SET reason = 'repeated', detail = s.key
FROM (
    SELECT
        number,
        row_number() OVER (PARTITION BY kind, key ORDER BY number DESC) AS place
    FROM roster_stage
    WHERE kind IN ('user', 'course') AND reason IS NULL
) AS n
WHERE s.number = n.number AND n.place > 1
