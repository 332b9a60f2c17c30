-- Tables of all schemas that are the partition manager's: partitions, whoever made them, what was detached, and what is in the making.
SELECT
    n.nspname,
    c.relname
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE
    c.relkind IN ('r', 'p', 'f')
    AND (
        c.relispartition
        OR pg_catalog.obj_description(c.oid, 'pg_class') ~ '(^|\n)lmsschema: [^\n]+$'
        OR EXISTS (
            SELECT FROM unnest(%(tables)s::text []) AS managed (name)
            WHERE
                starts_with(c.relname::text, managed.name)
                AND substr(c.relname::text, length(managed.name) + 1) ~ '^_(\d{4}_|default)'
        )
    )
