-- Reject users whose address or name another user has, or a line before.
WITH staged AS (
    SELECT
        number,
        id,
        lower(data ->> 'email') AS email,
        lower(data ->> 'username') AS username
    FROM roster_stage
    WHERE kind = 'user' AND reason IS NULL
),

taken AS (
    SELECT
        s.number,
        'email_taken' AS reason,
        s.email AS detail
    FROM staged AS s
    INNER JOIN users AS u ON s.email = lower(u.email) AND s.id <> u.id
    UNION ALL
    SELECT
        s.number,
        'username_taken' AS reason,
        s.username AS detail
    FROM staged AS s
    INNER JOIN users AS u ON s.username = lower(u.username) AND s.id <> u.id
    UNION ALL
    SELECT
        number,
        'email_taken' AS reason,
        email AS detail
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY email ORDER BY number) AS place
        FROM staged
        WHERE email IS NOT NULL
    ) AS e
    WHERE place > 1
    UNION ALL
    SELECT
        number,
        'username_taken' AS reason,
        username AS detail
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY username ORDER BY number) AS place
        FROM staged
    ) AS n
    WHERE place > 1
)

UPDATE roster_stage AS s
SET reason = t.reason, detail = t.detail
FROM (
    SELECT DISTINCT ON (number) *
    FROM taken
    ORDER BY number, reason
) AS t
WHERE s.number = t.number
