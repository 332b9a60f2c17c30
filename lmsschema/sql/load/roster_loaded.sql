-- Note that lines of these files are loaded which were rejected before (%(institution)s, %(sources)s).
UPDATE rejected_records AS r
SET state = 'loaded', tries = r.tries + 1
WHERE
    r.institution_id = %(institution)s
    AND r.source_id = ANY(%(sources)s::uuid [])
    AND r.state = 'rejected'
    AND r.digest NOT IN (
        SELECT sha256(s.raw)
        FROM roster_stage AS s
        WHERE s.reason IS NOT NULL
    )
