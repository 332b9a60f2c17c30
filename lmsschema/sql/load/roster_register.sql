-- Remember what identifiers mean, and users' mailboxes (%(institution)s, %(kind)s).
WITH own AS (
    INSERT INTO external_ids (institution_id, kind, key, target)
    SELECT
        %(institution)s,
        kind,
        key,
        id
    FROM roster_stage
    WHERE kind = %(kind)s AND reason IS NULL
    ORDER BY key
    ON CONFLICT (institution_id, kind, key) DO UPDATE
    SET target = excluded.target
    WHERE external_ids.target <> excluded.target
)

INSERT INTO external_ids (institution_id, kind, key, target)
SELECT
    %(institution)s,
    kind,
    data ->> 'mailbox',
    id
FROM roster_stage
WHERE kind = %(kind)s AND reason IS NULL AND data ? 'mailbox'
ORDER BY data ->> 'mailbox'
ON CONFLICT DO NOTHING
