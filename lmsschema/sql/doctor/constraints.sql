-- Constraints of a schema that are not validated, each on the table (or domain) to validate it on.
SELECT
    coalesce(c.relname, t.typname) AS owner_name,
    c.oid IS NULL AS of_domain,
    con.conname AS constraint_name,
    pg_catalog.pg_get_constraintdef(con.oid) AS definition,
    -- from 18 on a constraint can be NOT ENFORCED
    coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, TRUE) AS enforced
FROM (
    SELECT
        rel.oid AS relation,
        0 AS type
    FROM pg_catalog.unnest(relations_of(%(schema)s)::oid []) AS rel (oid)
    UNION ALL
    SELECT
        0 AS relation,
        typ.oid AS type
    FROM pg_catalog.unnest(objects_of('pg_catalog.pg_type'::regclass, %(schema)s)::oid []) AS typ (oid)
) AS owner
INNER JOIN pg_catalog.pg_constraint AS con ON owner.relation = con.conrelid AND owner.type = con.contypid
LEFT JOIN pg_catalog.pg_class AS c ON con.conrelid = c.oid
LEFT JOIN pg_catalog.pg_type AS t ON con.contypid = t.oid
WHERE
    con.connamespace = schema_oid(%(schema)s)
    AND NOT con.convalidated
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS h
        INNER JOIN pg_catalog.pg_constraint AS parent ON h.inhparent = parent.conrelid
        WHERE
            h.inhrelid = con.conrelid
            AND NOT parent.convalidated
            AND (
                con.conparentid = parent.oid
                OR (con.coninhcount > 0 AND con.contype = parent.contype AND con.conname = parent.conname)
            )
    )
ORDER BY owner_name, con.conname
