-- Indexes and the constraints that they enforce. An attached index has the name of its parent index.
WITH mine AS (SELECT relations_of(current_schema()) AS oids),

keys AS MATERIALIZED (
    SELECT con.*
    FROM pg_constraint AS con
    WHERE con.conrelid = any((SELECT m.oids FROM mine AS m)::oid []) AND con.contype IN ('p', 'u', 'x')
)

SELECT
    c.relname AS relation,
    CASE con.contype
        WHEN 'p' THEN 'primary key'
        WHEN 'u' THEN 'unique'
        WHEN 'x' THEN 'exclusion'
        ELSE 'index'
    END AS kind,
    coalesce(parent_con.conname, parent.relname, con.conname, i.relname) AS name,
    json_build_object(
        'own name', i.relname,
        'constraint', pg_get_constraintdef(con.oid),
        'definition', concat(
            CASE WHEN x.indisunique THEN 'UNIQUE ' END,
            -- what follows "CREATE [UNIQUE] INDEX name ON [ONLY] schema.table "
            substr(
                pg_get_indexdef(i.oid),
                length(
                    concat(
                        'CREATE ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, 'INDEX ',
                        quote_ident(i.relname), ' ON ', CASE WHEN i.relkind = 'I' THEN 'ONLY ' END,
                        quote_ident(current_schema()), '.', quote_ident(c.relname), ' '
                    )
                ) + 1
            )
        ),
        'inherited', parent.oid IS NOT NULL,
        'valid', x.indisvalid AND x.indisready AND x.indislive,
        'clustered on', x.indisclustered,
        'tablespace', s.spcname,
        'storage parameters', settable_options(i.reloptions),
        -- only an expression can have one
        'statistics targets', CASE
            WHEN x.indexprs IS NOT NULL
                THEN (
                    SELECT array_agg(concat(a.attnum, ': ', a.attstattarget) ORDER BY a.attnum)
                    FROM pg_attribute AS a
                    WHERE a.attrelid = i.oid AND a.attstattarget >= 0
                )
        END,
        'triggers', CASE WHEN con.condeferrable THEN constraint_triggers(con.oid) END,
        'comment', comment_on('pg_class'::regclass, i.oid, 0),
        'constraint comment', comment_on('pg_constraint'::regclass, con.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_index AS x ON c.oid = x.indrelid
INNER JOIN pg_class AS i ON x.indexrelid = i.oid
LEFT JOIN pg_tablespace AS s ON i.reltablespace = s.oid
LEFT JOIN pg_inherits AS h ON i.oid = h.inhrelid
LEFT JOIN pg_class AS parent ON h.inhparent = parent.oid
LEFT JOIN keys AS con ON i.oid = con.conindid AND con.conrelid = c.oid
LEFT JOIN pg_constraint AS parent_con ON con.conparentid = parent_con.oid
WHERE
    c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
    AND c.relkind IN ('r', 'p', 'm')
ORDER BY c.relname, parent.oid IS NULL, i.relname
